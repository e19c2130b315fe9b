//! The artifacts of a catalog as serializable values, which snapshots keep.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::SystemTime;

use foldhash::{HashMap, HashMapExt};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{
    ArtifactName, BOX_TYPE, Channel, ChannelName, FileState, HIGHEST, Name, VagrantBox, Version,
};

/// An artifact, or the used numbers of a deleted artifact.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArtifactRecord {
    pub(crate) name: ArtifactName,
    pub(crate) public: bool,
    pub(crate) deleted: bool,
    pub(crate) types: Vec<TypeRecord>,
    /// The box; `None` in snapshots of before boxes, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vagrant_box: Option<VagrantBox>,
    /// The digests of the files of direct uploads of the box that await their callback.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) received: BTreeMap<Uuid, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypeRecord {
    pub(crate) artifact_type: Name,
    pub(crate) last: u64,
    pub(crate) versions: Vec<VersionRecord>,
    /// The channels, each of which points at one of the versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) channels: BTreeMap<ChannelName, Channel>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionRecord {
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) build: Option<NonZeroU64>,
    pub(crate) file: FileRecord,
    pub(crate) upload: Uuid,
    pub(crate) created: SystemTime,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FileRecord {
    None,
    Awaited,
    /// The digest of the bytes: as a [`Digest`](crate::domain::Digest), or 64 hexadecimal digits of
    /// SHA-256 in a snapshot of the first format.
    Stored(String),
}

/// The reason for which records are inconsistent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    /// An artifact, a type, a version or an upload occurs twice.
    #[error("the snapshot contradicts itself: {0} occurs twice")]
    Twice(String),
    /// The number of a version is 0 or higher than the last given number.
    #[error(
        "the snapshot contradicts itself: the version {0} is beyond the last number that was given"
    )]
    Beyond(String),
    /// The last given number of a type is beyond [`HIGHEST`].
    #[error("the last version number of {0} is {1}, and this emulator counts only to {HIGHEST}")]
    TooHigh(String, u64),
    /// The length or the SHA-256 of a file is not that which its box names.
    #[error("the snapshot contradicts itself: the file {0} is another than its box says")]
    OtherFile(String),
    /// A file belongs to no upload of a box that awaits its callback.
    #[error("the snapshot contradicts itself: no upload of the box {0} awaits this file: {1}")]
    NotAwaited(String, String),
    /// A channel points at a version that is not there.
    #[error("the snapshot contradicts itself: the channel {0} points at no version")]
    Channel(String),
    /// The file of a version is missing.
    #[error("the snapshot contradicts itself: the file {0} is missing")]
    FileMissing(String),
}

/// A file in the records.
#[derive(Clone, Debug)]
pub(crate) struct StoredFile {
    /// The slug of a version that has the file.
    pub(crate) slug: String,
    /// Whether the file is that of a Vagrant box.
    pub(crate) is_box: bool,
}

/// Returns the files in the records by their digests.
pub(crate) fn stored_files(records: &[ArtifactRecord]) -> HashMap<String, StoredFile> {
    let mut files = HashMap::new();
    for artifact in records {
        for of in &artifact.types {
            for version in &of.versions {
                if let FileRecord::Stored(digest) = &version.file {
                    let file = files.entry(digest.clone()).or_insert_with(|| StoredFile {
                        slug: artifact.name.slug(&of.artifact_type, version.number),
                        is_box: false,
                    });
                    file.is_box |= of.artifact_type.as_str() == BOX_TYPE;
                }
            }
        }
        for digest in artifact.received.values() {
            let file = files.entry(digest.clone()).or_insert_with(|| StoredFile {
                slug: format!("{}/{BOX_TYPE}", artifact.name),
                is_box: true,
            });
            file.is_box = true;
        }
    }
    files
}

impl VersionRecord {
    /// Describes a version whose stored file, if it has one, has this digest.
    pub(super) fn new(version: &Version, digest: Option<String>) -> Self {
        let pairs = version.metadata.iter();
        Self {
            number: version.number,
            id: version.id.as_ref().to_owned(),
            metadata: pairs
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            build: version.build,
            file: match (version.file, digest) {
                (FileState::None, _) => FileRecord::None,
                (FileState::Stored, Some(digest)) => FileRecord::Stored(digest),
                (FileState::Awaited | FileState::Stored, _) => FileRecord::Awaited,
            },
            upload: version.upload,
            created: version.created,
        }
    }

    /// Returns the version, and the digest of its file if it has one.
    pub(super) fn into_version(self) -> (Version, Option<String>) {
        let (file, digest) = match self.file {
            FileRecord::None => (FileState::None, None),
            FileRecord::Awaited => (FileState::Awaited, None),
            FileRecord::Stored(digest) => (FileState::Stored, Some(digest)),
        };
        let version = Version {
            number: self.number,
            id: self.id.into(),
            metadata: self.metadata.into_iter().collect(),
            build: self.build,
            file,
            upload: self.upload,
            created: self.created,
        };
        (version, digest)
    }
}
