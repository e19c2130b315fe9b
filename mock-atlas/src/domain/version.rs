//! Versions of an artifact, and whether each has a file.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use super::{Metadata, Name};

/// What a client says of a version that it makes.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewVersion {
    /// The artifact's own id, such as `us-east-1:ami-1`.
    pub(crate) id: Arc<str>,
    /// The metadata, without the keys that Atlas derives.
    pub(crate) metadata: Metadata,
    /// The build that made it; `None` where the client sent 0.
    pub(crate) build: Option<NonZeroU64>,
    /// Whether bytes will follow.
    pub(crate) file: bool,
}

/// A box is of use to Vagrant only with a provider (contract: Versions; thread).
// Contract: versions.box-needs-provider
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Metadata must have 'provider' key")]
pub(crate) struct NoProvider;

impl NewVersion {
    /// Checks whether it can be a version of this type.
    ///
    /// # Errors
    /// [`NoProvider`].
    pub(crate) fn check(&self, artifact_type: &Name) -> Result<(), NoProvider> {
        if artifact_type.as_str() == "vagrant.box" && self.metadata.get("provider").is_none() {
            return Err(NoProvider);
        }
        Ok(())
    }
}

/// One version. It is handed out behind a count of references.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// Counts up from 1 for each artifact and type.
    pub(crate) number: u64,
    /// The artifact's own id.
    pub(crate) id: Arc<str>,
    /// The metadata, derived keys included.
    pub(crate) metadata: Metadata,
    /// The build that made it.
    pub(crate) build: Option<NonZeroU64>,
    pub(crate) file: FileState,
    /// Names its upload; cannot be guessed. No two versions of a dataset have the same.
    pub(crate) upload: Uuid,
    pub(crate) created: SystemTime,
}

/// Whether a version has a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    /// There is none, and none will come.
    None,
    /// It was announced and has not come: such a version is never handed out.
    Awaited,
    /// It is there.
    Stored,
}

impl Version {
    /// Returns whether clients may find this version.
    // Contract: uploads.unfinished-hidden
    pub(crate) fn is_visible(&self) -> bool {
        self.file != FileState::Awaited
    }
}

/// The version whose file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileSelector {
    /// The newest that has one.
    Latest,
    /// The one of this number.
    Number(u64),
}
