//! Waits for an emulator that end once nothing moves: not when a time is over, since a large snapshot
//! takes as long as it takes.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::sleep;

/// How long to wait while nothing moves on a connection, in either direction.
pub(super) struct Patience {
    timeout: Duration,
    moved: Arc<Notify>,
}

impl Patience {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            moved: Arc::default(),
        }
    }

    /// A connection that tells whoever waits of each byte that moves on it.
    pub(super) fn watch<T>(&self, stream: T) -> Moving<T> {
        Moving {
            stream,
            moved: Arc::clone(&self.moved),
        }
    }

    /// Waits for something.
    ///
    /// # Errors
    /// When nothing moved for too long; the message says what it was.
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
                        "nothing moved for {:?} while waiting for {what}; --timeout SECONDS waits \
                         longer",
                        self.timeout
                    ));
                }
            }
        }
    }
}

/// A connection of which is told when something moves.
pub(super) struct Moving<T> {
    stream: T,
    moved: Arc<Notify>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Moving<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.moved.notify_one();
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Moving<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() {
            self.moved.notify_one();
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        if written.is_ready() {
            self.moved.notify_one();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
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
        let patience = Patience::new(MINUTE);
        let (near, mut far) = duplex(64);
        let mut near = patience.watch(near);
        let start = Instant::now();
        tokio::spawn(async move {
            for _ in 0..5 {
                sleep(MINUTE - Duration::from_secs(1)).await;
                far.write_u8(b'x').await.unwrap();
            }
            sleep(2 * MINUTE).await;
        });
        let five = patience.wait("five", near.read_exact(&mut [0; 5])).await;
        assert_eq!(five.unwrap().unwrap(), 5);
        assert!(start.elapsed() > 4 * MINUTE);
        let more = patience.wait("more", near.read_u8()).await;
        let expected =
            "nothing moved for 60s while waiting for more; --timeout SECONDS waits longer";
        assert_eq!(more.unwrap_err(), expected);
    }
}
