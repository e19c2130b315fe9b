//! Uploads: what an upload path belongs to, and how far an upload got.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::{ArtifactName, Name, Orphan, OrphanState, Version};

/// What an upload path belongs to.
#[derive(Clone, Debug)]
pub(crate) enum UploadTarget {
    /// The file of a version.
    Version(VersionKey),
}

/// Names a version.
#[derive(Clone, Debug)]
pub(crate) struct VersionKey {
    pub(crate) of: Arc<TypeKey>,
    pub(crate) number: u64,
}

/// Names a type of one artifact. All uploads of the type share it.
#[derive(Debug)]
pub(crate) struct TypeKey {
    pub(crate) artifact: ArtifactName,
    pub(crate) artifact_type: Name,
}

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

    /// Notes that so many bytes have arrived, all in all.
    pub(crate) fn set_received(&self, bytes: u64) {
        self.received.store(bytes, Ordering::Relaxed);
    }
}

/// Describes a version that awaits its file, given the last attempt to upload it.
pub(super) fn orphan(key: &TypeKey, version: &Version, attempt: Option<&UploadAttempt>) -> Orphan {
    let announced = attempt.and_then(|attempt| attempt.announced);
    let received = attempt.map_or(0, |attempt| attempt.received.load(Ordering::Relaxed));
    let state = match attempt {
        None => OrphanState::Reserved,
        Some(_) if announced == Some(received) => OrphanState::Complete,
        Some(_) => OrphanState::Partial,
    };
    Orphan {
        artifact: key.artifact.clone(),
        artifact_type: key.artifact_type.clone(),
        number: version.number,
        id: version.id.clone(),
        state,
        received,
        announced,
        since: version.created,
    }
}
