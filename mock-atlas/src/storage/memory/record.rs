//! The artifacts in memory as records, and back.

use std::collections::{BTreeMap, HashSet};

use foldhash::{HashMap, HashMapExt};
use uuid::Uuid;

use super::box_entry::BoxEntry;
use super::listing::next_place;
use super::versions::Versions;
use super::{Artifact, Maps};
use crate::domain::{ArtifactName, BOX_TYPE, Name, VagrantBox, Visibility};
use crate::storage::record::{TypeRecord, VersionRecord};
use crate::storage::{ArtifactRecord, Blob, RecordError, TypeKey, UploadTarget};

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
                    place: next_place(),
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
            channels: versions.channels.clone(),
            versions: versions
                .all()
                .map(|one| {
                    VersionRecord::new(one, versions.file(one.number).map(|blob| add(blob, files)))
                })
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
