//! Orphans: versions that claim a file whose bytes never came, and how far each upload got.

use std::sync::Arc;
use std::time::SystemTime;

use super::{ArtifactName, Name};

/// A version that awaits its file.
#[derive(Clone, Debug)]
pub(crate) struct Orphan {
    pub(crate) artifact: ArtifactName,
    pub(crate) artifact_type: Name,
    pub(crate) number: u64,
    pub(crate) id: Arc<str>,
    pub(crate) state: OrphanState,
    /// How many bytes the last upload sent.
    pub(crate) received: u64,
    /// How many it said that it would send.
    pub(crate) announced: Option<u64>,
    /// When the version was made.
    pub(crate) since: SystemTime,
}

/// How far the file of an orphan got, as its last upload tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrphanState {
    /// No upload has begun.
    Reserved,
    /// One has begun, and is under way or broke off. Nothing of one that broke off is kept.
    Partial,
    /// All that was announced has arrived, and was not taken: not yet, or it was refused.
    Complete,
}
