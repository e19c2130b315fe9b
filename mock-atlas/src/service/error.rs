//! The reasons for which a service refuses.

use std::error::Error;
use std::io;

use tokio::task::JoinError;

use crate::domain::OverLimit;
use crate::storage::{BackendError, MemoryFull, StorageError};

/// Why a service refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    /// No account has this token.
    #[error("the token is unknown")]
    UnknownToken,
    /// No account has this name and password.
    #[error("the login or the password is wrong")]
    WrongPassword,
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// There are as many uploads at a time as are taken.
    #[error("there are as many uploads under way as are allowed")]
    TooManyUploads,
    /// An upload that says to be only a part of the file, which would pass for the whole (RFC 9110, 14.5).
    #[error("an upload is sent whole")]
    PartialUpload,
    /// The body of an upload broke off, or did not go on, after so many bytes.
    #[error("the body broke off after {after} bytes: {error}")]
    BrokenBody {
        after: u64,
        error: Box<dyn Error + Send + Sync>,
    },
    #[error(transparent)]
    MemoryFull(#[from] MemoryFull),
    /// A file that there was memory for no more, and that the disk does not take.
    #[error("the disk takes no file: {0}")]
    DiskFull(io::Error),
}

impl From<JoinError> for ServiceError {
    fn from(error: JoinError) -> Self {
        Self::Storage(BackendError::from(error).into())
    }
}
