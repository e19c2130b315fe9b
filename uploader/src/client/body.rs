//! The body of an upload, made anew for each attempt: a body that was partly sent cannot be sent
//! again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::Notify;

use crate::pack::Payload;
use crate::reporter::{Event, Reporter};

const CHUNK: u64 = 256 * 1024;

/// The local file could not be read while it was sent, found again in the chain of reasons of the
/// request that failed for it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct LocalRead(pub(super) io::Error);

/// Reads the payload from its beginning, at most a chunk in memory at a time. The second value hears
/// of each chunk.
pub(super) fn body(
    payload: &Payload,
    reporter: &Arc<dyn Reporter>,
) -> (reqwest::Body, Arc<Notify>) {
    let moved = Arc::new(Notify::new());
    let state = (payload.clone(), Arc::clone(reporter), Arc::clone(&moved), 0);
    let chunks = stream::try_unfold(state, |(payload, reporter, moved, sent)| async move {
        let total = payload.len();
        if sent == total {
            return Ok::<_, LocalRead>(None);
        }
        let chunk = read(payload.clone(), sent).await.map_err(LocalRead)?;
        let sent = sent + chunk.len() as u64;
        moved.notify_one();
        reporter.report(Event::Sent { sent, total });
        Ok(Some((chunk, (payload, reporter, moved, sent))))
    });
    (reqwest::Body::wrap_stream(chunks), moved)
}

/// Returns once nothing has moved for so long.
pub(super) async fn stalled(moved: &Notify, limit: Duration) {
    while tokio::time::timeout(limit, moved.notified()).await.is_ok() {}
}

async fn read(payload: Payload, offset: u64) -> io::Result<Bytes> {
    let length = CHUNK.min(payload.len() - offset);
    tokio::task::spawn_blocking(move || payload.read_at(offset, length))
        .await
        .map_err(io::Error::other)?
}
