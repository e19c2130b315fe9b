//! The body of an upload, made anew for each attempt: a body that was partly sent cannot be sent
//! again.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;

use crate::pack::Payload;
use crate::reporter::{Event, Reporter};

/// Chunks that wait to be sent: while one is sent the next is read, or made.
const AHEAD: usize = 4;

/// How long the head of the request goes before the bytes. A server that reads both at once, as
/// nginx does, writes all that follows to its file out of step with the pages: a third slower.
const HEAD_START: Duration = Duration::from_millis(1);

/// The local file could not be read while it was sent, found again in the chain of reasons of the
/// request that failed for it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct LocalRead(pub(super) io::Error);

/// Reads the payload from its beginning, a few chunks in memory at a time. The second value hears of
/// each chunk.
pub(super) fn body(payload: &Payload, reporter: &Arc<dyn Reporter>) -> (reqwest::Body, Moved) {
    let total = payload.len();
    let moved = Moved::now();
    let state = (
        chunks(payload.clone()),
        Arc::clone(reporter),
        moved.clone(),
        0,
    );
    let chunks = stream::try_unfold(
        state,
        move |(mut chunks, reporter, moved, sent)| async move {
            if sent == 0 {
                tokio::time::sleep(HEAD_START).await;
            }
            let Some(chunk) = chunks.recv().await.transpose().map_err(LocalRead)? else {
                return Ok::<_, LocalRead>(None);
            };
            let sent = sent + chunk.len() as u64;
            *moved.last() = Instant::now();
            reporter.report(Event::Sent { sent, total });
            Ok(Some((chunk, (chunks, reporter, moved, sent))))
        },
    );
    (reqwest::Body::wrap_stream(chunks), moved)
}

/// When the last chunk was taken. Nobody is woken for it, which would cost more than the chunk.
#[derive(Clone)]
pub(super) struct Moved(Arc<Mutex<Instant>>);

impl Moved {
    fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn last(&self) -> MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once nothing has moved for so long.
    pub(super) async fn stalled(&self, limit: Duration) {
        loop {
            let left = limit.saturating_sub(self.last().elapsed());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

/// Ends early once nobody takes the chunks any more.
fn chunks(payload: Payload) -> Receiver<io::Result<Bytes>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut send = |chunk| {
            let sent = sender.blocking_send(Ok(chunk));
            sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
        };
        if let Err(error) = payload.for_each_chunk(&mut send) {
            // Whoever has left does not need to know why.
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}
