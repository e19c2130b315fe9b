//! Reads the `metadata.json` of a Vagrant box as the bytes of its file arrive, and no more of the
//! file than that takes.
//!
//! - `scan`: the search for the file in the tar

mod scan;

use std::io::{self, BufRead, Read};

use atlas_common::decompress::decompressed;
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};

/// The largest number of boxes that are read at a time. A reader occupies a blocking thread until
/// its file has arrived, and hashing must still find threads.
const MOST_AT_A_TIME: usize = 16;

static READERS: Semaphore = Semaphore::const_new(MOST_AT_A_TIME);

/// The number of parts of a file that may wait for their reader.
const BACKLOG: usize = 16;

/// The size in bytes of the largest window of a compression, which is that of `xz -9` and
/// `zstd -21`.
const LARGEST_WINDOW: u64 = 64 << 20;

/// The largest number of bytes that are unpacked of a file.
const MOST_UNPACKED: u64 = 16 << 30;

/// The largest size of a `metadata.json` in bytes.
const LARGEST_METADATA: u64 = 64 * 1024;

/// The content of a `metadata.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoxMetadata {
    pub(crate) provider: String,
    pub(crate) architecture: Option<String>,
}

/// The reason for which Vagrant could not use a file as a box, or for which this is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BoxFileProblem {
    #[error("it is neither a tar nor a tar compressed by gzip, bzip2, xz or zstd")]
    NoTar,
    #[error("it cannot be unpacked: {0}")]
    Damaged(String),
    #[error("it has no metadata.json at its top")]
    NoMetadata,
    #[error("it has no metadata.json at its top in its first {MOST_UNPACKED} unpacked bytes")]
    TooFar,
    #[error("its metadata.json is larger than {LARGEST_METADATA} bytes")]
    TooLarge,
    #[error("its metadata.json cannot be parsed: {0}")]
    Json(String),
    #[error("its metadata.json names no provider")]
    NoProvider,
}

/// The result of reading a box.
pub(crate) type BoxFile = Result<BoxMetadata, BoxFileProblem>;

/// A reader of a box that arrives in parts. It runs on a blocking thread, and ends when it has found
/// what it looks for, or when it is dropped.
#[derive(Debug)]
pub(crate) struct BoxFileReader {
    /// The way to the thread; `None` once it needs no more parts.
    parts: Option<mpsc::Sender<Bytes>>,
    thread: JoinHandle<BoxFile>,
}

impl BoxFileReader {
    /// Starts a reader; `None` if [`MOST_AT_A_TIME`] are running.
    pub(crate) fn start() -> Option<Self> {
        let permit = READERS.try_acquire().ok()?;
        let (parts, arriving) = mpsc::channel(BACKLOG);
        let thread = spawn_blocking(move || {
            let found = read(ArrivingBytes::new(arriving));
            drop(permit);
            found
        });
        Some(Self {
            parts: Some(parts),
            thread,
        })
    }

    /// Passes the next part on. Waits if many parts are waiting.
    pub(crate) async fn push(&mut self, part: Bytes) {
        if let Some(parts) = &self.parts
            && parts.send(part).await.is_err()
        {
            self.parts = None;
        }
    }

    /// Returns what the file says of itself, once its last part was passed on.
    pub(crate) async fn finish(mut self) -> BoxFile {
        self.parts = None;
        // A decoder that panics has found a file that nobody can use.
        let found = self.thread.await;
        found.unwrap_or_else(|error| Err(BoxFileProblem::Damaged(error.to_string())))
    }
}

/// The bytes of a file that arrives in parts. Blocks until the next part has come.
struct ArrivingBytes {
    parts: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl ArrivingBytes {
    fn new(parts: mpsc::Receiver<Bytes>) -> Self {
        let current = Bytes::new();
        Self { parts, current }
    }
}

impl BufRead for ArrivingBytes {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty()
            && let Some(part) = self.parts.blocking_recv()
        {
            self.current = part;
        }
        Ok(&self.current)
    }

    fn consume(&mut self, len: usize) {
        let _ = self.current.split_to(len);
    }
}

impl Read for ArrivingBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.fill_buf()?.read(buffer)?;
        self.consume(len);
        Ok(len)
    }
}

/// Reads a box up to its `metadata.json`. Blocks while it reads.
fn read(file: impl BufRead + 'static) -> BoxFile {
    #[derive(Deserialize)]
    struct Json {
        provider: Option<String>,
        architecture: Option<String>,
    }
    let unpacked = decompressed(file, LARGEST_WINDOW).map_err(damaged)?.content;
    let text = scan::metadata_json(unpacked)?;
    let json: Json =
        serde_json::from_slice(&text).map_err(|error| BoxFileProblem::Json(error.to_string()))?;
    let given = |text: &String| !text.is_empty();
    Ok(BoxMetadata {
        provider: json
            .provider
            .filter(given)
            .ok_or(BoxFileProblem::NoProvider)?,
        architecture: json.architecture.filter(given),
    })
}

fn damaged(error: io::Error) -> BoxFileProblem {
    BoxFileProblem::Damaged(error.to_string())
}

#[cfg(test)]
mod tests;
