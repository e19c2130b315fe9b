//! The outcome of a publication.

use serde::Serialize;

use crate::boxes::checksum::Checksum;
use crate::boxes::service::Api;

/// The outcome for the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// The file was uploaded.
    Uploaded,
    /// The service had the file already.
    Present,
    /// The service points to the address at which the owner hosts the file.
    Linked,
}

/// The result of a publication. It serialises as one object, and never contains the upload URL.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Published {
    /// `OWNER/NAME`.
    #[serde(rename = "box")]
    pub tag: String,
    /// The version.
    pub version: String,
    /// The provider.
    pub provider: String,
    /// The architecture; null for the default architecture of a service that knows none.
    pub architecture: Option<String>,
    /// The API that the service speaks.
    pub api: Api,
    /// The outcome for the file.
    pub file: FileStatus,
    /// The checksum that the service was told; its two fields are absent when there is none.
    #[serde(flatten)]
    pub checksum: Option<Checksum>,
    /// The size of the file in bytes; null for one that its owner hosts.
    pub bytes: Option<u64>,
    /// The size of the disk in GiB, as the box's metadata states it.
    pub virtual_size: Option<serde_json::Number>,
    /// Whether the version is released.
    pub released: bool,
    /// The number of times the bytes were sent.
    pub attempts: u32,
}
