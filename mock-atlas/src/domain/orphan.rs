//! Orphans: versions and providers of boxes whose announced file never came, and the progress of
//! each upload.

use std::sync::Arc;
use std::time::SystemTime;

use super::{ArtifactName, BoxNumber, Name};

/// A version of an artifact, or a provider of a box, that awaits its file.
#[derive(Clone, Debug)]
pub(crate) struct Orphan {
    pub(crate) artifact: ArtifactName,
    pub(crate) target: OrphanTarget,
    pub(crate) state: OrphanState,
    /// The number of bytes that the last upload has sent.
    pub(crate) received: u64,
    /// The number of bytes that the last upload announced.
    pub(crate) announced: Option<u64>,
    /// The time at which the version was created, or the upload of the provider begun.
    pub(crate) since: SystemTime,
}

/// The part of an artifact that awaits its file. The order is that of the list of orphans.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OrphanTarget {
    /// A version of an artifact type.
    Version {
        artifact_type: Name,
        number: u64,
        /// The client's own id of the artifact.
        id: Arc<str>,
    },
    /// A provider of a box.
    Provider {
        version: BoxNumber,
        provider: Name,
        architecture: Name,
    },
}

/// The progress of an orphan's last upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrphanState {
    /// No upload has begun.
    Reserved,
    /// The last upload is under way or broke off. The emulator keeps no bytes of an upload that
    /// broke off.
    Partial,
    /// All announced bytes have arrived, but the file is not visible: it is not committed yet, it was
    /// refused, or it awaits the callback of a direct upload.
    Complete,
}

impl Orphan {
    /// Returns the slug: that of the version, or `username/name/vagrant.box/version/provider/architecture`.
    pub(crate) fn slug(&self) -> String {
        let Self {
            artifact, target, ..
        } = self;
        match target {
            OrphanTarget::Version {
                artifact_type,
                number,
                ..
            } => artifact.slug(artifact_type, *number),
            OrphanTarget::Provider {
                version,
                provider,
                architecture,
            } => artifact.provider_slug(version, provider, architecture),
        }
    }

    /// Returns the client's own id of the artifact; an empty text for a provider of a box.
    pub(crate) fn id(&self) -> &str {
        match &self.target {
            OrphanTarget::Version { id, .. } => id,
            OrphanTarget::Provider { .. } => "",
        }
    }
}
