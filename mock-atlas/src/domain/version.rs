//! Versions of an artifact, and the state of their files.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use super::{BOX_TYPE, Metadata, Name, PushedBox, PushedBoxError};

/// The description of a new version, as a client sends it.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewVersion {
    /// The client's own id of the artifact, such as `us-east-1:ami-1`.
    pub(crate) id: Arc<str>,
    /// The metadata, without the keys that Atlas derives.
    pub(crate) metadata: Metadata,
    /// The build that made the version; `None` where the client sent 0.
    pub(crate) build: Option<NonZeroU64>,
    /// Whether the client will upload a file.
    pub(crate) file: bool,
}

impl NewVersion {
    /// Checks whether a version of this type can have this description.
    ///
    /// # Errors
    /// [`PushedBoxError`] for a version of a Vagrant box.
    pub(crate) fn check(&self, artifact_type: &Name) -> Result<(), PushedBoxError> {
        if artifact_type.as_str() == BOX_TYPE {
            PushedBox::of(&self.metadata)?;
        }
        Ok(())
    }
}

/// A version of an artifact. Callers share it in an `Arc`.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// The number, which counts up from 1 for each artifact and type.
    pub(crate) number: u64,
    /// The client's own id of the artifact.
    pub(crate) id: Arc<str>,
    /// The metadata, derived keys included.
    pub(crate) metadata: Metadata,
    /// The build that made the version.
    pub(crate) build: Option<NonZeroU64>,
    pub(crate) file: FileState,
    /// The id of the version's upload: random, so that it cannot be guessed, and unique in the
    /// dataset.
    pub(crate) upload: Uuid,
    pub(crate) created: SystemTime,
}

/// The state of a version's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    /// The version has no file and will get none.
    None,
    /// The file was announced and has not come. The emulator does not show such a version to
    /// clients.
    Awaited,
    /// The file is stored.
    Stored,
}

impl Version {
    /// Returns whether clients may find this version.
    // Contract: uploads.unfinished-hidden
    pub(crate) fn is_visible(&self) -> bool {
        self.file != FileState::Awaited
    }
}

/// A selector of the version whose file is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileSelector {
    /// The newest version that has a file.
    Latest,
    /// The version with this number.
    Number(u64),
}
