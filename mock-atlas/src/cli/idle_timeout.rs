//! A timeout for idle connections. It does not limit the total time, since a large backup may
//! take long.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::io::{InspectReader, InspectWriter};

/// A timeout that starts anew whenever bytes move on a connection, in either direction.
pub(super) struct IdleTimeout {
    timeout: Duration,
    moved: Arc<Notify>,
}

impl IdleTimeout {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            moved: Arc::default(),
        }
    }

    /// Returns a connection that reports to [`IdleTimeout::wait`] when bytes move on it.
    pub(super) fn watch<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: T,
    ) -> impl AsyncRead + AsyncWrite + Unpin + use<T> {
        let inspector = || {
            let moved = Arc::clone(&self.moved);
            move |bytes: &[u8]| {
                if !bytes.is_empty() {
                    moved.notify_one();
                }
            }
        };
        InspectWriter::new(InspectReader::new(stream, inspector()), inspector())
    }

    /// Awaits a whole reply that is not streamed. The limit is ten times the idle timeout: a reply
    /// that comes a byte at a time would otherwise never end.
    ///
    /// # Errors
    /// When the limit has passed.
    pub(super) async fn wait_for_whole<T>(
        &self,
        future: impl Future<Output = T>,
    ) -> Result<T, String> {
        let limit = self.timeout.saturating_mul(10);
        let done = tokio::time::timeout(limit, future).await;
        done.map_err(|_| {
            format!("no complete reply within {limit:?}; --timeout SECONDS waits longer")
        })
    }

    /// Awaits a future, with the idle timeout.
    ///
    /// # Errors
    /// When no bytes moved for too long; the message contains `what`.
    pub(super) async fn wait<T>(
        &self,
        what: &str,
        future: impl Future<Output = T>,
    ) -> Result<T, String> {
        let mut future = pin!(future);
        loop {
            tokio::select! {
                done = &mut future => return Ok(done),
                () = self.moved.notified() => {}
                () = sleep(self.timeout) => {
                    return Err(format!(
                        "no byte moved for {:?} while waiting for {what}; --timeout SECONDS waits \
                         longer",
                        self.timeout
                    ));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn what_moves_is_waited_for_and_what_does_not_is_not() {
        let idle_timeout = IdleTimeout::new(MINUTE);
        let (near, mut far) = duplex(64);
        let mut near = idle_timeout.watch(near);
        let start = Instant::now();
        tokio::spawn(async move {
            for _ in 0..5 {
                sleep(MINUTE - Duration::from_secs(1)).await;
                far.write_u8(b'x').await.unwrap();
            }
            sleep(2 * MINUTE).await;
        });
        let five = idle_timeout
            .wait("five", near.read_exact(&mut [0; 5]))
            .await;
        assert_eq!(five.unwrap().unwrap(), 5);
        assert!(start.elapsed() > 4 * MINUTE);
        let more = idle_timeout.wait("more", near.read_u8()).await;
        let expected =
            "no byte moved for 60s while waiting for more; --timeout SECONDS waits longer";
        assert_eq!(more.unwrap_err(), expected);
    }
}
