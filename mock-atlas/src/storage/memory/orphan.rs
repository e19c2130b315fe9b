//! Orphans: versions that claim a file whose bytes never came, and how far each upload got.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::domain::{ArtifactName, Name};
use crate::storage::{File, Version};

/// An upload that has begun, and counts what arrives.
#[derive(Debug)]
pub(crate) struct UploadAttempt {
    announced: Option<u64>,
    received: AtomicU64,
}

impl UploadAttempt {
    pub(super) fn new(announced: Option<u64>) -> Self {
        Self {
            announced,
            received: AtomicU64::new(0),
        }
    }

    /// So many bytes have arrived, all in all.
    pub(crate) fn set_received(&self, bytes: u64) {
        self.received.store(bytes, Ordering::Relaxed);
    }
}

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

impl Orphan {
    pub(super) fn new(artifact: &ArtifactName, artifact_type: &Name, version: &Version) -> Self {
        let attempt = match &version.file {
            File::Awaited(attempt) => attempt.as_ref(),
            File::None | File::Stored(_) => None,
        };
        let announced = attempt.and_then(|attempt| attempt.announced);
        let received = attempt.map_or(0, |attempt| attempt.received.load(Ordering::Relaxed));
        let state = match attempt {
            None => OrphanState::Reserved,
            Some(_) if announced == Some(received) => OrphanState::Complete,
            Some(_) => OrphanState::Partial,
        };
        Self {
            artifact: artifact.clone(),
            artifact_type: artifact_type.clone(),
            number: version.number,
            id: version.id.clone(),
            state,
            received,
            announced,
            since: version.created,
        }
    }
}
