//! The catalog's artifacts as serializable values.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU64;
use std::time::SystemTime;

use foldhash::{HashMap, HashMapExt};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::box_entry::BoxEntry;
use super::versions::Versions;
use super::{Artifact, Maps};
use crate::domain::{
    ArtifactName, BOX_TYPE, FileState, HIGHEST, Name, VagrantBox, Version, Visibility,
};
use crate::storage::{Blob, TypeKey, UploadTarget};

/// An artifact, or the used numbers of a deleted artifact.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArtifactRecord {
    name: ArtifactName,
    public: bool,
    deleted: bool,
    types: Vec<TypeRecord>,
    /// The box; `None` in snapshots of before boxes, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vagrant_box: Option<VagrantBox>,
    /// The digests of the files of direct uploads of the box that await their callback.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    received: BTreeMap<Uuid, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TypeRecord {
    artifact_type: Name,
    pub(super) last: u64,
    pub(super) versions: Vec<VersionRecord>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionRecord {
    number: u64,
    id: String,
    metadata: BTreeMap<String, String>,
    build: Option<NonZeroU64>,
    file: FileRecord,
    upload: Uuid,
    created: SystemTime,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileRecord {
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

impl Maps {
    /// Returns all artifacts, ordered by name, and their files by digest.
    pub(super) fn records(&self) -> (Vec<ArtifactRecord>, HashMap<String, Blob>) {
        let mut files = HashMap::new();
        let mut records = Vec::new();
        for artifact in &self.artifacts {
            let public = artifact.visibility == Visibility::Public;
            let types = type_records(&artifact.types, &mut files);
            let entry = artifact.vagrant_box.as_ref();
            let received = entry.into_iter().flat_map(|entry| &entry.received);
            records.push(ArtifactRecord {
                name: artifact.key().clone(),
                public,
                deleted: false,
                types,
                vagrant_box: entry.map(|entry| VagrantBox::clone(&entry.vagrant_box)),
                received: received
                    .map(|(upload, blob)| (*upload, add(blob, &mut files)))
                    .collect(),
            });
        }
        for deleted in &self.deleted {
            records.push(ArtifactRecord {
                name: deleted.key().clone(),
                public: false,
                deleted: true,
                types: type_records(&deleted, &mut files),
                vagrant_box: None,
                received: BTreeMap::new(),
            });
        }
        records.sort_by(|a, b| a.name.cmp(&b.name));
        (records, files)
    }

    /// Creates maps from records, and from files by digest.
    ///
    /// # Errors
    /// When the records are contradictory or a file is missing.
    pub(super) fn of_records(
        records: Vec<ArtifactRecord>,
        files: &HashMap<String, Blob>,
    ) -> Result<Self, RecordError> {
        let maps = Self::default();
        let mut names = HashSet::new();
        for record in records {
            if !names.insert(record.name.clone()) {
                return Err(RecordError::Twice(record.name.to_string()));
            }
            let types = maps.add_types(&record.name, record.types, files)?;
            if record.deleted {
                maps.deleted.insert(record.name, types);
            } else {
                let visibility = match record.public {
                    true => Visibility::Public,
                    false => Visibility::Private,
                };
                let mut artifact = Artifact {
                    visibility,
                    types,
                    vagrant_box: None,
                };
                maps.add_box(&record.name, &mut artifact, record.vagrant_box)?;
                artifact.add_received(&record.name, record.received, files)?;
                maps.artifacts.insert(record.name, artifact);
            }
        }
        Ok(maps)
    }

    /// Adds the box of a record. Without one, it adds the box that the versions of the type
    /// `vagrant.box` describe.
    fn add_box(
        &self,
        name: &ArtifactName,
        artifact: &mut Artifact,
        record: Option<VagrantBox>,
    ) -> Result<(), RecordError> {
        let Some(record) = record else {
            for number in artifact.stored_boxes() {
                let created = artifact.created_of_box(number);
                self.add_pushed_box(name, artifact, number, created);
            }
            return Ok(());
        };
        for file in record.files() {
            let slug = || name.slug(&Name::constant(BOX_TYPE), file.number);
            let found = artifact.box_file(file.number);
            let found = found.ok_or_else(|| RecordError::FileMissing(slug()))?;
            if found != *file {
                return Err(RecordError::OtherFile(slug()));
            }
        }
        self.register_box_uploads(name, &record);
        artifact.vagrant_box = Some(Box::new(BoxEntry::new(record)));
        Ok(())
    }

    /// Creates the types of one artifact, and adds their uploads to the maps.
    fn add_types(
        &self,
        name: &ArtifactName,
        records: Vec<TypeRecord>,
        files: &HashMap<String, Blob>,
    ) -> Result<HashMap<Name, Versions>, RecordError> {
        let mut types = HashMap::new();
        for record in records {
            let slug = format!("{name}/{}", record.artifact_type);
            let artifact_type = record.artifact_type.clone();
            let key = TypeKey {
                artifact: name.clone(),
                artifact_type: artifact_type.clone(),
            };
            let versions = Versions::from_record(key, record, &slug, files)?;
            for (number, upload) in versions.uploads() {
                let target = UploadTarget::Version(versions.key(number));
                if self.uploads.insert(upload, target).is_some() {
                    return Err(RecordError::Twice(format!("an upload of {slug}")));
                }
            }
            if types.insert(artifact_type, versions).is_some() {
                return Err(RecordError::Twice(slug));
            }
        }
        Ok(types)
    }
}

impl Artifact {
    /// Adds the files of direct uploads that await their callback.
    fn add_received(
        &mut self,
        name: &ArtifactName,
        received: BTreeMap<Uuid, String>,
        files: &HashMap<String, Blob>,
    ) -> Result<(), RecordError> {
        for (upload, digest) in received {
            let entry = self.box_entry_mut().ok();
            let entry = entry.filter(|entry| entry.awaits_callback(upload));
            let Some(entry) = entry else {
                return Err(RecordError::NotAwaited(name.to_string(), digest));
            };
            let Some(blob) = files.get(&digest) else {
                return Err(RecordError::FileMissing(digest));
            };
            entry.received.insert(upload, blob.clone());
        }
        Ok(())
    }
}

fn type_records(
    types: &HashMap<Name, Versions>,
    files: &mut HashMap<String, Blob>,
) -> Vec<TypeRecord> {
    let mut records: Vec<TypeRecord> = types
        .iter()
        .map(|(artifact_type, versions)| TypeRecord {
            artifact_type: artifact_type.clone(),
            last: versions.last(),
            versions: versions
                .all()
                .map(|one| version_record(one, versions.file(one.number), files))
                .collect(),
        })
        .collect();
    records.sort_by(|a, b| a.artifact_type.cmp(&b.artifact_type));
    records
}

/// Adds a file, and returns its digest.
fn add(blob: &Blob, files: &mut HashMap<String, Blob>) -> String {
    let digest = blob.digest().to_string();
    files.entry(digest.clone()).or_insert_with(|| blob.clone());
    digest
}

fn version_record(
    version: &Version,
    file: Option<&Blob>,
    files: &mut HashMap<String, Blob>,
) -> VersionRecord {
    let pairs = version.metadata.iter();
    VersionRecord {
        number: version.number,
        id: version.id.as_ref().to_owned(),
        metadata: pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        build: version.build,
        file: match (version.file, file) {
            (FileState::None, _) => FileRecord::None,
            (FileState::Stored, Some(blob)) => FileRecord::Stored(add(blob, files)),
            (FileState::Awaited | FileState::Stored, _) => FileRecord::Awaited,
        },
        upload: version.upload,
        created: version.created,
    }
}

impl VersionRecord {
    /// Returns the version, and its file if it has one.
    pub(super) fn into_version(
        self,
        files: &HashMap<String, Blob>,
    ) -> Result<(Version, Option<Blob>), RecordError> {
        let (state, file) = match self.file {
            FileRecord::None => (FileState::None, None),
            FileRecord::Awaited => (FileState::Awaited, None),
            FileRecord::Stored(digest) => match files.get(&digest) {
                Some(blob) => (FileState::Stored, Some(blob.clone())),
                None => return Err(RecordError::FileMissing(digest)),
            },
        };
        let version = Version {
            number: self.number,
            id: self.id.into(),
            metadata: self.metadata.into_iter().collect(),
            build: self.build,
            file: state,
            upload: self.upload,
            created: self.created,
        };
        Ok((version, file))
    }
}
