//! All that a catalog holds, as values to be kept elsewhere and brought back.

use super::{AccessRecord, AccountError, ArtifactRecord, Blob, RecordError};
use crate::domain::Name;

/// The contents of a catalog, but for its root account.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    pub(crate) access: AccessRecord,
    pub(crate) artifacts: Vec<ArtifactRecord>,
    /// The files that the artifacts name by their digests, each once.
    pub(crate) files: Vec<Blob>,
}

/// Why contents cannot be brought back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ImportError {
    #[error(transparent)]
    Records(#[from] RecordError),
    #[error("the account {0} cannot be restored here: {1}")]
    Account(Name, AccountError),
    #[error(transparent)]
    Backend(#[from] super::BackendError),
}
