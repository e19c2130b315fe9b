//! Providers of a box version: for each a name, an architecture, and the source of its file.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::BoxError;
use crate::domain::{Checksum, Name};

/// The architecture of a provider for which nobody told one.
// Contract: boxes.architecture-unknown
const UNKNOWN: &str = "unknown";

/// Returns the architecture of a provider for which nobody told one.
pub(crate) fn unknown_architecture() -> Name {
    Name::constant(UNKNOWN)
}

/// A provider of a version, such as `virtualbox` for `amd64`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoxProvider {
    pub(crate) name: Name,
    pub(crate) architecture: Name,
    /// Whether this architecture is the default of the providers with this name.
    pub(crate) is_default: bool,
    pub(crate) source: BoxSource,
    /// The checksum that a client told for the file that is there, or for the next one.
    pub(crate) checksum: Option<Checksum>,
    /// Whether the checksum is for a file that has not come yet.
    pub(crate) checksum_is_ahead: bool,
    /// The current upload; a new one replaces it.
    pub(crate) upload: Option<BoxUpload>,
    pub(crate) created: SystemTime,
    pub(crate) updated: SystemTime,
}

/// The source of a provider's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BoxSource {
    /// There is no file yet.
    Awaited,
    /// The file is at this URL, on another server.
    External(String),
    /// The file is stored here.
    Hosted(HostedFile),
}

/// A stored file of a box. It belongs to a version of the artifact type `vagrant.box`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostedFile {
    /// The number of the artifact version.
    pub(crate) number: u64,
    /// The size in bytes.
    pub(crate) len: u64,
    /// The SHA-256 digest, as 64 hexadecimal digits.
    pub(crate) sha256: String,
}

/// An upload of a provider's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoxUpload {
    /// The random id, which authorises the client.
    pub(crate) id: Uuid,
    /// Whether the file becomes visible only by the callback.
    pub(crate) is_direct: bool,
    /// Whether the file has become visible.
    pub(crate) is_complete: bool,
    pub(crate) created: SystemTime,
}

/// The key of a provider in a version: its name, and its architecture; `None` means the default
/// architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProviderKey {
    pub(crate) name: Name,
    pub(crate) architecture: Option<Name>,
}

/// A client's description of a provider. Fields that are `None` say nothing.
// Contract: boxes.provider-nulls
#[derive(Clone, Debug, Default)]
pub(crate) struct ProviderChange {
    pub(crate) name: Option<Name>,
    pub(crate) architecture: Option<Name>,
    pub(crate) is_default: Option<bool>,
    /// The URL of the file, on another server.
    pub(crate) url: Option<String>,
    pub(crate) checksum: Option<Checksum>,
}

impl BoxProvider {
    pub(super) fn new(name: Name, architecture: Name, now: SystemTime) -> Self {
        Self {
            name,
            architecture,
            is_default: false,
            source: BoxSource::Awaited,
            checksum: None,
            checksum_is_ahead: false,
            upload: None,
            created: now,
            updated: now,
        }
    }

    /// Returns whether clients can download the file.
    pub(crate) fn is_downloadable(&self) -> bool {
        self.source != BoxSource::Awaited
    }

    pub(crate) fn hosted(&self) -> Option<&HostedFile> {
        match &self.source {
            BoxSource::Hosted(file) => Some(file),
            BoxSource::Awaited | BoxSource::External(_) => None,
        }
    }

    /// Returns the type and the value of the checksum that clients are to verify: the told one, else
    /// that of the stored bytes.
    // Contract: boxes.checksum-computed, boxes.checksum-told
    pub(crate) fn shown_checksum(&self) -> Option<(&'static str, &str)> {
        let hosted = self.hosted();
        match (&self.checksum, hosted) {
            (Some(told), None) => Some((told.kind().name(), told.value())),
            (Some(told), Some(_)) if !self.checksum_is_ahead => {
                Some((told.kind().name(), told.value()))
            }
            (_, Some(file)) => Some(("sha256", &file.sha256)),
            (None, None) => None,
        }
    }

    /// Gives the provider the name and the architecture that a change tells.
    pub(super) fn rename(&mut self, change: &ProviderChange) {
        if let Some(name) = change.name.as_ref().filter(|name| **name != self.name) {
            self.name = name.clone();
            // A provider is the default among those of its name, and this one has a new name.
            self.is_default = false;
        }
        if let Some(architecture) = &change.architecture {
            self.architecture = architecture.clone();
        }
    }

    /// Applies the file's URL and checksum that a change tells.
    pub(super) fn apply(&mut self, change: ProviderChange, now: SystemTime) {
        self.updated = now;
        if let Some(url) = change.url {
            self.replace_file(BoxSource::External(url));
        }
        if let Some(checksum) = change.checksum {
            self.checksum_is_ahead = !matches!(self.source, BoxSource::External(_));
            self.checksum = Some(checksum);
        }
    }

    /// Stores the file here.
    pub(super) fn host(&mut self, file: HostedFile, now: SystemTime) {
        self.replace_file(BoxSource::Hosted(file));
        self.updated = now;
    }

    /// Replaces the file, which makes an earlier checksum void unless it was told for this file.
    // Contract: boxes.checksum-void
    fn replace_file(&mut self, source: BoxSource) {
        if !self.checksum_is_ahead && self.source != source {
            self.checksum = None;
        }
        self.checksum_is_ahead = false;
        self.source = source;
    }

    /// Begins an upload, which replaces an earlier one.
    pub(super) fn begin_upload(&mut self, is_direct: bool, now: SystemTime) -> Uuid {
        let id = Uuid::new_v4();
        self.upload = Some(BoxUpload {
            id,
            is_direct,
            is_complete: false,
            created: now,
        });
        id
    }

    /// Returns the upload with this id.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(super) fn upload_mut(&mut self, id: Uuid) -> Result<&mut BoxUpload, BoxError> {
        let upload = self.upload.as_mut().filter(|upload| upload.id == id);
        upload.ok_or(BoxError::NotFound)
    }
}
