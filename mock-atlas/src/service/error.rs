//! The errors of the services.

use std::error::Error;
use std::io;

use tokio::task::JoinError;

use crate::domain::OverLimit;
use crate::storage::{BackendError, ImportError, MemoryFull, StorageError};

/// The reason for which a service refused a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    /// No account has this token.
    #[error("the token is unknown")]
    UnknownToken,
    /// No account has this name and password.
    #[error("the login or the password is wrong")]
    WrongPassword,
    /// The login needs the code of the second factor.
    #[error("the login needs the code of the second factor")]
    CodeNeeded,
    /// No token has this value and belongs to this client.
    #[error("the id or the secret of the client is wrong")]
    WrongClient,
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The dataset is kept, and its operator has not allowed to replace it.
    #[error(
        "this Atlas keeps its data, and whoever runs it has not allowed to reset, restore or seed it: \
         start it with --allow-reset"
    )]
    ResetNotAllowed,
    /// The initial contents could not be restored.
    #[error("the initial contents cannot be restored: {0}")]
    Reset(ImportError),
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// The largest allowed number of uploads is under way.
    #[error("there are as many uploads under way as are allowed")]
    TooManyUploads,
    /// The upload is only a part of the file, and storing it would make it pass for the whole file
    /// (RFC 9110, 14.5).
    #[error("an upload must be sent whole")]
    PartialUpload,
    /// The body of an upload broke off or stalled after so many bytes.
    #[error("the body broke off after {after} bytes: {error}")]
    BrokenBody {
        after: u64,
        error: Box<dyn Error + Send + Sync>,
    },
    /// The description of an import has a mistake, or its bytes are others.
    #[error("{0}")]
    Import(String),
    /// A webhook cannot be as it is told.
    #[error("{0}")]
    Webhook(String),
    #[error(transparent)]
    MemoryFull(#[from] MemoryFull),
    /// The file exceeds the memory budget and cannot be written to disk.
    #[error("the file cannot be written to disk: {0}")]
    DiskFull(io::Error),
}

impl From<BackendError> for ServiceError {
    fn from(error: BackendError) -> Self {
        Self::Storage(error.into())
    }
}

impl From<JoinError> for ServiceError {
    fn from(error: JoinError) -> Self {
        BackendError::from(error).into()
    }
}
