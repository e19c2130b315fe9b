//! The catalog's artifacts as serializable values.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU64;
use std::time::SystemTime;

use foldhash::{HashMap, HashMapExt};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::boxes::BoxEntry;
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
            records.push(ArtifactRecord {
                name: artifact.key().clone(),
                public,
                deleted: false,
                types,
                vagrant_box: artifact
                    .vagrant_box
                    .as_ref()
                    .map(|entry| VagrantBox::clone(&entry.vagrant_box)),
            });
        }
        for deleted in &self.deleted {
            records.push(ArtifactRecord {
                name: deleted.key().clone(),
                public: false,
                deleted: true,
                types: type_records(&deleted, &mut files),
                vagrant_box: None,
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
        let stored = artifact.stored_boxes();
        let Some(record) = record else {
            for number in stored {
                let created = artifact.created_of_box(number);
                self.add_pushed_box(name, artifact, number, created);
            }
            return Ok(());
        };
        if let Some(file) = record.files().find(|file| !stored.contains(&file.number)) {
            let number = file.number.to_string();
            return Err(RecordError::FileMissing(format!(
                "{name}/{BOX_TYPE}/{number}"
            )));
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
            (FileState::Stored, Some(blob)) => {
                let digest = blob.digest().to_string();
                files.entry(digest.clone()).or_insert_with(|| blob.clone());
                FileRecord::Stored(digest)
            }
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
