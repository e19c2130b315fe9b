//! The body of an upload, made anew for each attempt: a body that was partly sent cannot be sent
//! again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;

use crate::pack::Payload;
use crate::reporter::{Event, Reporter};

/// Chunks that wait to be sent: while one is sent the next is read, or made.
const AHEAD: usize = 4;

/// The local file could not be read while it was sent, found again in the chain of reasons of the
/// request that failed for it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct LocalRead(pub(super) io::Error);

/// Reads the payload from its beginning, a few chunks in memory at a time. The second value hears of
/// each chunk.
pub(super) fn body(
    payload: &Payload,
    reporter: &Arc<dyn Reporter>,
) -> (reqwest::Body, Arc<Notify>) {
    let total = payload.len();
    let moved = Arc::new(Notify::new());
    let state = (
        chunks(payload.clone()),
        Arc::clone(reporter),
        Arc::clone(&moved),
        0,
    );
    let chunks = stream::try_unfold(
        state,
        move |(mut chunks, reporter, moved, sent)| async move {
            let Some(chunk) = chunks.recv().await.transpose().map_err(LocalRead)? else {
                return Ok::<_, LocalRead>(None);
            };
            let sent = sent + chunk.len() as u64;
            moved.notify_one();
            reporter.report(Event::Sent { sent, total });
            Ok(Some((chunk, (chunks, reporter, moved, sent))))
        },
    );
    (reqwest::Body::wrap_stream(chunks), moved)
}

/// Returns once nothing has moved for so long.
pub(super) async fn stalled(moved: &Notify, limit: Duration) {
    while tokio::time::timeout(limit, moved.notified()).await.is_ok() {}
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
