//! The errors of changes to a box.

use super::BoxNumberError;
use crate::domain::ChecksumError;

/// The reason for which a box cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BoxError {
    /// The box, or its version, provider or upload, does not exist.
    #[error("there is nothing of that name")]
    NotFound,
    /// A box of this name exists already.
    // Contract: boxes.taken
    #[error("Name has already been taken")]
    BoxTaken,
    #[error("Version has already been taken")]
    VersionTaken,
    /// Another provider of the version has this name and architecture.
    // Contract: boxes.architecture-taken
    #[error("Metadata provider must be unique for version")]
    ProviderTaken,
    /// A version without providers cannot be released.
    // Contract: boxes.release-empty
    #[error("Version needs a provider before it can be released")]
    NoProvider,
    /// The version is active.
    // Contract: boxes.release-again
    #[error("Version has already been released")]
    AlreadyReleased,
    /// A version that is not active cannot be revoked.
    #[error("Version is not active, and only an active version can be revoked")]
    NotActive,
    /// The callback of an upload came before its bytes.
    // Contract: boxes.callback-empty
    #[error("The file has not arrived: send it to upload_path before the callback")]
    NoBytes,
    /// The artifact type has used the last possible version number.
    #[error("there is no number left for another file of this box")]
    NoNumber,
    #[error(transparent)]
    Number(#[from] BoxNumberError),
    #[error(transparent)]
    Checksum(#[from] ChecksumError),
}
