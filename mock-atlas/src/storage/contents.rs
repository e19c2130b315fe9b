//! The contents of a catalog as values, which can be exported and imported.

use foldhash::HashMap;

use super::{AccessRecord, AccountError, ArtifactRecord, Blob, RecordError};
use crate::domain::{Name, OverLimit};

/// The contents of a catalog, without its root account.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    pub(crate) access: AccessRecord,
    pub(crate) artifacts: Vec<ArtifactRecord>,
    /// The files, by the digests with which the artifacts name them.
    pub(crate) files: HashMap<String, Blob>,
}

/// The contents of a catalog without its files: accounts, and artifacts.
pub(crate) type Records = (AccessRecord, Vec<ArtifactRecord>);

/// An error that says why contents cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ImportError {
    #[error(transparent)]
    Records(#[from] RecordError),
    #[error("the account {0} cannot be restored here: {1}")]
    Account(Name, AccountError),
    /// A version exceeds the limits.
    #[error("{0} cannot be restored here: {1}")]
    OverLimit(String, OverLimit),
    #[error(transparent)]
    Backend(#[from] super::BackendError),
}
