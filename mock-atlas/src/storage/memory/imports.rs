//! Imports versions and boxes as they were elsewhere.

use std::sync::Arc;

use dashmap::mapref::entry::Entry;

use super::box_entry::BoxEntry;
use super::{Artifact, Maps, MemoryCatalog};
use crate::domain::{BOX_TYPE, HostedFile, VagrantBox};
use crate::storage::{
    AccountError, Blob, ImportedBox, ImportedBytes, ImportedFile, ImportedVersion, Presence,
    StorageError, UploadTarget,
};

/// Methods that import. [`Catalog`](crate::storage::Catalog) documents them.
impl MemoryCatalog {
    pub(crate) fn compare_version(
        &self,
        imported: &ImportedVersion,
    ) -> Result<Presence, StorageError> {
        imported.check()?;
        let maps = self.maps();
        let artifact = maps.artifacts.get(&imported.artifact);
        Ok(artifact.map_or(Presence::Missing, |artifact| artifact.presence(imported)))
    }

    pub(crate) fn import_version(
        &self,
        imported: &ImportedVersion,
        file: Option<Blob>,
    ) -> Result<Presence, StorageError> {
        imported.check()?;
        let name = &imported.artifact;
        AccountError::check_reserved(&name.username)?;
        let maps = self.maps();
        let bytes = file.as_ref().map_or(0, Blob::len);
        let take = || maps.quotas.take(&name.username, bytes, 0);
        // No artifact is made for a version that is refused.
        let mut artifact = match maps.artifacts.entry(name.clone()) {
            Entry::Occupied(found) => {
                let presence = found.get().presence(imported);
                if presence != Presence::Missing {
                    return Ok(presence);
                }
                take()?;
                found.into_ref()
            }
            Entry::Vacant(place) => {
                take()?;
                place.insert(maps.new_artifact(name, imported.visibility))
            }
        };
        let version = imported.version(self.clock.now());
        let (upload, created) = (version.upload, version.created);
        let versions = artifact.versions_of(name, &imported.artifact_type);
        versions.import(version, imported.last_number, file);
        let target = UploadTarget::Version(versions.key(imported.number));
        maps.uploads.insert(upload, target);
        if imported.is_pushed_box() {
            maps.add_pushed_box(name, &mut artifact, imported.number, created);
        }
        Ok(Presence::Missing)
    }

    pub(crate) fn compare_box(&self, imported: &ImportedBox) -> Result<Presence, StorageError> {
        let maps = self.maps();
        let now = self.clock.now();
        match maps.artifacts.get(imported.name()) {
            None => Ok(Presence::Missing),
            Some(artifact) => imported.presence(artifact.visibility, artifact.known_box(), now),
        }
    }

    pub(crate) fn import_box(&self, imported: &ImportedBox) -> Result<Presence, StorageError> {
        let (name, now) = (imported.name(), self.clock.now());
        AccountError::check_reserved(&name.username)?;
        let mut draft = imported.draft(now)?;
        let maps = self.maps();
        let (owner, bytes) = (&name.username, imported.sent_bytes());
        // A new artifact has none of the files to which the box may refer, and is not made for a box that is refused.
        if !maps.artifacts.contains_key(name) {
            if !imported.has_all_bytes() {
                return Err(StorageError::NotFound);
            }
            if let Some(quota) = maps.quotas.get(owner) {
                quota.check(bytes, 0)?;
            }
        }
        let new = || maps.new_artifact(name, imported.visibility());
        let mut artifact = maps.artifacts.entry(name.clone()).or_insert_with(new);
        let presence = imported.presence(artifact.visibility, artifact.known_box(), now)?;
        if presence != Presence::Missing {
            return Ok(presence);
        }
        // Everything that can fail comes first, so that nothing is stored of a box that is refused.
        artifact.check_files(&imported.files)?;
        maps.quotas.take(owner, bytes, 0)?;
        for file in &imported.files {
            let hosted = maps.imported_file(&mut artifact, imported, &draft, file)?;
            draft.host(&file.place, hosted, file.updated.unwrap_or(now))?;
        }
        match artifact.vagrant_box.as_mut() {
            None => artifact.vagrant_box = Some(Box::new(BoxEntry::new(draft))),
            Some(entry) => {
                let known = Arc::make_mut(&mut entry.vagrant_box);
                ImportedBox::add_version(&mut draft, known);
            }
        }
        Ok(Presence::Missing)
    }
}

impl Maps {
    /// Returns the file of a provider, which is stored if its bytes were sent.
    fn imported_file(
        &self,
        artifact: &mut Artifact,
        imported: &ImportedBox,
        draft: &VagrantBox,
        file: &ImportedFile,
    ) -> Result<HostedFile, StorageError> {
        match &file.bytes {
            ImportedBytes::OfVersion(number) => Ok(file.hosted(*number)),
            ImportedBytes::Unsent => Err(StorageError::NotFound),
            ImportedBytes::Sent(blob) => {
                let created = file.updated.unwrap_or(draft.created);
                let of = (draft, &file.place);
                self.store_box_file(imported.name(), artifact, of, blob.clone(), created)
            }
        }
    }
}

impl Artifact {
    fn presence(&self, imported: &ImportedVersion) -> Presence {
        let versions = self.types.get(&imported.artifact_type);
        let known = versions.and_then(|versions| {
            let digest = versions.file(imported.number).map(Blob::digest);
            let version = versions.get(imported.number)?;
            Some((version, digest.map(|digest| digest.to_string())))
        });
        imported.presence(self.visibility, known)
    }

    fn known_box(&self) -> Option<&VagrantBox> {
        let entry = self.vagrant_box.as_ref()?;
        Some(&entry.vagrant_box)
    }

    /// Checks that the versions to which imported files refer have these files, and that there are numbers for the
    /// others.
    fn check_files(&self, files: &[ImportedFile]) -> Result<(), StorageError> {
        let mut more = 0;
        for file in files {
            match &file.bytes {
                ImportedBytes::OfVersion(number) => {
                    if self.box_file(*number) != Some(file.hosted(*number)) {
                        return Err(StorageError::NotFound);
                    }
                }
                ImportedBytes::Unsent => return Err(StorageError::NotFound),
                ImportedBytes::Sent(_) => more += 1,
            }
        }
        let of_type = self.types.get(BOX_TYPE);
        match of_type.is_none_or(|versions| versions.has_room(more)) {
            true => Ok(()),
            false => Err(StorageError::NoNumber),
        }
    }
}
