//! The errors of a store.

use std::io::{self, ErrorKind};

use rustix::io::Errno;

use crate::storage::BackendError;

/// The reason for which a store failed. The text names the store and never holds a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// A file cannot be written or read.
    #[error("{place} failed: {error}")]
    Folder { place: String, error: io::Error },
    /// The bucket refuses the request, and would refuse it again.
    #[error("{place} refused: {reason}")]
    Refused { place: String, reason: String },
    /// The bucket cannot be reached, or failed.
    #[error("{place} cannot be used now: {reason}")]
    Unavailable { place: String, reason: String },
    /// The store is not that which the database knows.
    #[error("{place} {reason}")]
    Other { place: String, reason: &'static str },
    /// The stored bytes are not those that were stored.
    #[error("a stored file is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    /// Returns whether this file alone cannot be read, as opposed to a store that cannot be asked: the file may
    /// be whole then.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            // Other errors, such as too many open files, tell nothing of this file.
            Self::Folder { error, .. } => {
                let is_cut = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof);
                is_cut || error.raw_os_error() == Some(Errno::IO.raw_os_error())
            }
            Self::Refused { .. } | Self::Unavailable { .. } | Self::Other { .. } => false,
        }
    }
}

impl From<StoreError> for BackendError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable { .. } => Self::unavailable(error.to_string()),
            StoreError::Folder { place, error } => Self::of_file(&format!("{place} failed"), error),
            StoreError::Refused { .. } | StoreError::Other { .. } | StoreError::Damaged(_) => {
                Self::new(error.to_string())
            }
        }
    }
}

/// Converts an error for readers of a stream of bytes.
impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Folder { error, .. } => error.kind(),
            StoreError::Refused { .. } | StoreError::Other { .. } => io::ErrorKind::Other,
            StoreError::Unavailable { .. } => io::ErrorKind::TimedOut,
            StoreError::Damaged(_) => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
