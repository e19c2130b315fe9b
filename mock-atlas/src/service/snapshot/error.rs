//! The reasons for which a snapshot cannot be made or restored.

use std::io;

use tokio::task::JoinError;

use super::{INCREMENT_FORMAT, MANIFEST, OLDEST_FORMAT};
use crate::domain::OverLimit;
use crate::domain::text::truncated;
use crate::service::ServiceError;
use crate::storage::{BackendError, ImportError, StorageError};

/// The largest number of characters of an entry's name in an error message.
const LONGEST_NAME: usize = 100;

/// The reason for which an archive cannot be made or restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error("the archive cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("the archive is not a snapshot: its first entry is not {MANIFEST}")]
    NoManifest,
    #[error("the archive is not a snapshot: its entry {0:?} is {1}")]
    Entry(String, &'static str),
    #[error("{MANIFEST} cannot be parsed: {0}")]
    Manifest(#[from] serde_json::Error),
    #[error(
        "the snapshot has the format {0}, and this emulator reads only the formats {OLDEST_FORMAT} to {INCREMENT_FORMAT}"
    )]
    Format(u32),
    #[error("{0} cannot be restored here: {1}")]
    OverLimit(String, OverLimit),
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The bytes of files are missing; the text names some of them.
    #[error(
        "the bytes of files are missing: {0}. An increment is restored together with the backups that it \
         builds on, the oldest first: mock-atlas restore FILE INCREMENT…"
    )]
    Lacking(String),
    #[error("no increment can build on a backup of the format 1: make a whole backup")]
    OldForm,
    #[error("line {0} of the body is no digest of a file, such as blake3-…")]
    Digest(usize),
    /// The dataset cannot be written as a snapshot.
    #[error("the snapshot cannot be made: {0}")]
    Save(io::Error),
    /// The storage failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl SnapshotError {
    /// Creates an error about an archive that ends too early.
    pub(super) fn breaks_off() -> Self {
        let reason = "it breaks off before its end";
        Self::Read(io::Error::new(io::ErrorKind::UnexpectedEof, reason))
    }

    /// Creates an error about an entry that a snapshot cannot have.
    pub(super) fn entry(name: &str, why: &'static str) -> Self {
        Self::Entry(truncated(name, LONGEST_NAME).into_owned(), why)
    }
}

impl From<JoinError> for SnapshotError {
    fn from(error: JoinError) -> Self {
        Self::Service(error.into())
    }
}

impl From<StorageError> for SnapshotError {
    fn from(error: StorageError) -> Self {
        Self::Service(error.into())
    }
}

impl From<BackendError> for SnapshotError {
    fn from(error: BackendError) -> Self {
        Self::Service(error.into())
    }
}
