//! Orphans: versions that announce a file whose bytes never came, and the progress of each upload.

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
    /// The number of bytes that the last upload has sent.
    pub(crate) received: u64,
    /// The number of bytes that the last upload announced.
    pub(crate) announced: Option<u64>,
    /// The time at which the version was created.
    pub(crate) since: SystemTime,
}

/// The progress of an orphan's last upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrphanState {
    /// No upload has begun.
    Reserved,
    /// The last upload is under way or broke off. The emulator keeps no bytes of an upload that
    /// broke off.
    Partial,
    /// All announced bytes have arrived, but the file is not stored: it is not committed yet, or it
    /// was refused.
    Complete,
}
