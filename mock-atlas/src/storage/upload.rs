//! Defines the types of uploads: targets and attempts. The backends store uploads, in memory
//! `memory::versions`, where `Versions::finish_upload` makes a version visible.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::domain::{
    Allowance, ArtifactName, BOX_TYPE, Name, Orphan, OrphanState, OrphanTarget, OverQuota, Version,
};

/// The target of an upload path.
#[derive(Clone, Debug)]
pub(crate) enum UploadTarget {
    /// The file of a version.
    Version(VersionKey),
    /// The file of a provider of this box.
    // A pointer, since a larger target would cost each version of an artifact 32 bytes.
    Box(Arc<ArtifactName>),
}

impl UploadTarget {
    /// Returns whether the file is that of a Vagrant box.
    pub(crate) fn is_box(&self) -> bool {
        match self {
            Self::Version(key) => key.is_box(),
            Self::Box(_) => true,
        }
    }
}

/// The key of a version.
#[derive(Clone, Debug)]
pub(crate) struct VersionKey {
    pub(crate) of: Arc<TypeKey>,
    pub(crate) number: u64,
}

impl VersionKey {
    /// Returns whether this is a version of a Vagrant box.
    pub(crate) fn is_box(&self) -> bool {
        self.of.artifact_type.as_str() == BOX_TYPE
    }
}

/// The key of an artifact type. All uploads of the type share it.
#[derive(Debug)]
pub(crate) struct TypeKey {
    pub(crate) artifact: ArtifactName,
    pub(crate) artifact_type: Name,
}

/// An upload attempt that has begun, with a count of the received bytes.
#[derive(Debug)]
pub(crate) struct UploadAttempt {
    announced: Option<u64>,
    received: AtomicU64,
    /// The bytes that the owner's quota allows; `None` without a quota, or if the file has come before.
    allowance: Option<Allowance>,
}

impl UploadAttempt {
    pub(super) fn new(announced: Option<u64>, allowance: Option<Allowance>) -> Self {
        Self {
            announced,
            received: AtomicU64::new(0),
            allowance,
        }
    }

    /// Checks the announced length against what was left of the owner's quota at the beginning.
    ///
    /// # Errors
    /// [`OverQuota`].
    pub(crate) fn check_announced(&self) -> Result<(), OverQuota> {
        match (self.allowance, self.announced) {
            (Some(allowance), Some(len)) => allowance.check(len, true),
            _ => Ok(()),
        }
    }

    /// Checks the bytes that have come against what was left of the owner's quota at the beginning.
    ///
    /// # Errors
    /// [`OverQuota`].
    pub(crate) fn check_received(&self, len: u64) -> Result<(), OverQuota> {
        match self.allowance {
            Some(allowance) => allowance.check(len, self.announced.is_some()),
            None => Ok(()),
        }
    }

    /// Sets the total count of received bytes.
    pub(crate) fn set_received(&self, bytes: u64) {
        self.received.store(bytes, Ordering::Relaxed);
    }
}

/// Describes a version that awaits its file, given its last upload attempt.
pub(super) fn orphan(key: &TypeKey, version: &Version, attempt: Option<&UploadAttempt>) -> Orphan {
    let target = OrphanTarget::Version {
        artifact_type: key.artifact_type.clone(),
        number: version.number,
        id: version.id.clone(),
    };
    awaited(&key.artifact, target, version.created, attempt)
}

/// Describes what awaits its file since a time, given the last upload attempt.
pub(super) fn awaited(
    artifact: &ArtifactName,
    target: OrphanTarget,
    since: SystemTime,
    attempt: Option<&UploadAttempt>,
) -> Orphan {
    let announced = attempt.and_then(|attempt| attempt.announced);
    let received = attempt.map_or(0, |attempt| attempt.received.load(Ordering::Relaxed));
    let state = match attempt {
        None => OrphanState::Reserved,
        Some(_) if announced == Some(received) => OrphanState::Complete,
        Some(_) => OrphanState::Partial,
    };
    Orphan {
        artifact: artifact.clone(),
        target,
        state,
        received,
        announced,
        since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_takes_no_more_memory_than_the_key_of_a_version() {
        assert_eq!(size_of::<UploadTarget>(), size_of::<VersionKey>());
    }
}
