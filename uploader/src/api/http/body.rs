//! Makes the body of an upload, anew for each attempt: a body that was partly sent cannot be sent again.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;

use crate::base::reporter::{Event, Reporter};

/// The number of chunks that may wait to be sent: while one is sent, the next is read or made.
const AHEAD: usize = 4;

/// The time between the head of the request and the first bytes. A server that reads both at once, as nginx
/// does, writes all following bytes to its file unaligned to pages, which makes it a third slower.
const HEAD_START: Duration = Duration::from_millis(1);

/// The error for a local file that could not be read while it was sent. It is found again in the chain of
/// sources of the failed request.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct LocalRead(pub(super) io::Error);

/// A source of the bytes of an upload that can be read anew for each attempt.
#[expect(clippy::len_without_is_empty)]
pub trait UploadSource: Clone + Send + 'static {
    /// Returns the number of bytes.
    fn len(&self) -> u64;

    /// Passes all bytes in order to `take`. Blocks.
    ///
    /// # Errors
    /// Returns the error of `take`, which ends the reading; or an error if the bytes cannot be read, or are
    /// not those that were announced.
    fn send(&self, take: &mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()>;
}

/// Returns a body that reads the source from its beginning, with a few chunks in memory at a time, and a
/// counter of the bytes that the connection has taken.
pub(super) fn body(
    source: &impl UploadSource,
    reporter: &Arc<dyn Reporter>,
) -> (reqwest::Body, Taken) {
    let total = source.len();
    let taken = Taken::nothing();
    let state = (chunks(source.clone()), Arc::clone(reporter), taken.clone());
    let chunks = stream::try_unfold(state, move |(mut chunks, reporter, taken)| async move {
        if taken.bytes() == 0 {
            tokio::time::sleep(HEAD_START).await;
        }
        let Some(chunk) = chunks.recv().await.transpose().map_err(LocalRead)? else {
            return Ok::<_, LocalRead>(None);
        };
        let sent = taken.add(chunk.len() as u64);
        reporter.report(Event::Sent { sent, total });
        Ok(Some((chunk, (chunks, reporter, taken))))
    });
    (reqwest::Body::wrap_stream(chunks), taken)
}

/// The number of bytes of an upload that the connection has taken, and the time of the last ones. It wakes no
/// task for a chunk, because that would cost more than the chunk.
#[derive(Clone)]
pub(super) struct Taken(Arc<Mutex<(u64, Instant)>>);

impl Taken {
    fn nothing() -> Self {
        Self(Arc::new(Mutex::new((0, Instant::now()))))
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, bytes: u64) -> u64 {
        let mut taken = self.lock();
        *taken = (taken.0 + bytes, Instant::now());
        taken.0
    }

    /// Returns the number of bytes taken.
    pub(super) fn bytes(&self) -> u64 {
        self.lock().0
    }

    /// Returns once no bytes were taken for `limit`.
    pub(super) async fn stalled(&self, limit: Duration) {
        loop {
            let left = limit.saturating_sub(self.lock().1.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

/// Reads the chunks of a source on a blocking thread. It ends early once the receiver is dropped.
fn chunks(source: impl UploadSource) -> Receiver<io::Result<Bytes>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut send = |chunk| {
            let sent = sender.blocking_send(Ok(chunk));
            sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
        };
        if let Err(error) = source.send(&mut send) {
            // If the receiver is dropped, nobody needs the error.
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}
