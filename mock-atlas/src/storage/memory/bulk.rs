//! Changes and reads many entries at once. Each holds the lock of the catalog alone, so that nobody sees a
//! change half made.

use std::collections::HashSet;

use super::{Maps, Versions};
use crate::domain::{ArtifactName, Limits, Name, OverLimit, Totals, Visibility};
use crate::storage::{Blob, MemoryBudget, MemoryCatalog, NewVersion, Orphan, StorageError};

/// An artifact that is added whole.
#[derive(Clone, Debug)]
pub(crate) struct NewArtifact {
    pub(crate) name: ArtifactName,
    pub(crate) visibility: Visibility,
    /// In the order of their numbers.
    pub(crate) versions: Vec<SeededVersion>,
}

/// A version that is added with its file.
#[derive(Clone, Debug)]
pub(crate) struct SeededVersion {
    pub(crate) artifact_type: Name,
    pub(crate) new: NewVersion,
    pub(crate) file: Option<Blob>,
}

impl MemoryCatalog {
    /// Adds artifacts with their versions and files: all of them or, where one cannot be, none.
    ///
    /// # Errors
    /// The position of the first that cannot be: [`StorageError::NameTaken`] and [`StorageError::NoNumber`].
    pub(crate) fn add_artifacts(&self, new: &[NewArtifact]) -> Result<(), (usize, StorageError)> {
        let maps = self.maps_exclusive();
        for (at, new) in new.iter().enumerate() {
            maps.check(new).map_err(|error| (at, error))?;
        }
        let now = self.clock.now();
        for NewArtifact {
            name,
            visibility,
            versions,
        } in new
        {
            let mut artifact = maps.new_artifact(name, *visibility);
            for SeededVersion {
                artifact_type,
                new,
                file,
            } in versions
            {
                let added = artifact.add(name, artifact_type, new.clone(), now);
                // There is room: that was looked at first.
                let Ok((version, target)) = added else {
                    continue;
                };
                maps.uploads.insert(version.upload, target);
                let of_type = artifact.types.get_mut(artifact_type);
                if let Some((versions, file)) = of_type.zip(file.as_ref().map(Blob::separate_copy))
                {
                    // It was made with a file and has none yet, so it takes this one.
                    let _ = versions.finish_upload(version.number, file);
                }
            }
            maps.artifacts.insert(name.clone(), artifact);
        }
        Ok(())
    }

    /// The same artifacts as they are at one moment, to be changed on their own.
    pub(crate) fn copy(&self) -> Self {
        self.with_maps(self.maps_exclusive().clone())
    }

    /// Takes an artifact away, with all its versions and files. Uploads to it are refused from now
    /// on, those under way too.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) fn delete_artifact(&self, name: &ArtifactName) -> Result<(), StorageError> {
        let maps = self.maps_exclusive();
        let (_, artifact) = maps.artifacts.remove(name).ok_or(StorageError::NotFound)?;
        let mut types = artifact.types;
        for version in types.values_mut().flat_map(Versions::clear) {
            maps.uploads.remove(&version.upload);
        }
        maps.deleted.insert(name.clone(), types);
        Ok(())
    }

    /// Takes a version away, with its file. Its number is never given again.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) fn delete_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        number: u64,
    ) -> Result<(), StorageError> {
        let maps = self.maps_exclusive();
        let mut artifact = maps.artifacts.get_mut(name).ok_or(StorageError::NotFound)?;
        let versions = artifact.types.get_mut(artifact_type);
        let version = versions.ok_or(StorageError::NotFound)?.delete(number)?;
        maps.uploads.remove(&version.upload);
        Ok(())
    }

    /// The versions whose bytes have not come, by their names and numbers.
    pub(crate) fn orphans(&self) -> Vec<Orphan> {
        let maps = self.maps();
        let mut found = Vec::new();
        for artifact in &maps.artifacts {
            for (artifact_type, versions) in &artifact.types {
                let orphans = versions.orphans();
                found.extend(orphans.map(|one| Orphan::new(artifact.key(), artifact_type, one)));
            }
        }
        let place = |orphan: &Orphan| {
            let Orphan {
                artifact,
                artifact_type,
                number,
                ..
            } = orphan;
            (artifact.clone(), artifact_type.clone(), *number)
        };
        found.sort_by_cached_key(place);
        found
    }

    /// Whether all versions are within limits.
    ///
    /// # Errors
    /// The slug of one that is not, and why.
    pub(crate) fn check(&self, limits: Limits) -> Result<(), (String, OverLimit)> {
        let maps = self.maps();
        for artifact in &maps.artifacts {
            for (artifact_type, versions) in &artifact.types {
                for version in versions.all() {
                    let bytes = version.blob().map_or(0, Blob::len);
                    let checked = limits.check_id(&version.id);
                    let checked = checked.and_then(|()| limits.check_file(bytes));
                    let keys = version.metadata.sent_keys();
                    let checked = checked.and_then(|()| Limits::check_keys(keys));
                    let slug = || format!("{}/{artifact_type}/{}", artifact.key(), version.number);
                    checked.map_err(|over| (slug(), over))?;
                }
            }
        }
        Ok(())
    }

    /// Counts all files that are not counted yet, even beyond the limit.
    pub(crate) fn charge(&self, memory: &MemoryBudget) {
        let maps = self.maps();
        for artifact in &maps.artifacts {
            for versions in artifact.types.values() {
                versions.blobs().for_each(|blob| blob.charge(memory));
            }
        }
    }

    /// How much there is, by counting it.
    pub(crate) fn totals(&self) -> Totals {
        let maps = self.maps();
        let mut totals = Totals::default();
        let mut seen = HashSet::new();
        for artifact in &maps.artifacts {
            totals.artifacts += 1;
            for versions in artifact.types.values() {
                totals.versions += versions.len() as u64;
                let new = versions.blobs().filter(|blob| seen.insert(blob.identity()));
                for blob in new {
                    let bytes = if blob.is_on_disk() {
                        &mut totals.disk_bytes
                    } else {
                        &mut totals.memory_bytes
                    };
                    *bytes += blob.len();
                }
            }
        }
        totals
    }
}

impl Maps {
    /// Looks whether an artifact can be added.
    fn check(&self, new: &NewArtifact) -> Result<(), StorageError> {
        if self.artifacts.contains_key(&new.name) {
            return Err(StorageError::NameTaken);
        }
        let deleted = self.deleted.get(&new.name);
        let types = deleted.iter().flat_map(|types| types.iter());
        for (artifact_type, versions) in types {
            let of_type = |version: &&SeededVersion| version.artifact_type == *artifact_type;
            if !versions.has_room(new.versions.iter().filter(of_type).count()) {
                return Err(StorageError::NoNumber);
            }
        }
        Ok(())
    }
}
