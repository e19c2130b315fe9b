//! The catalog in memory: artifacts, their versions and their uploads.
//!
//! - `versions`: the versions of one artifact type; `index`: finds them for a search
//! - `orphan`: versions that await their file
//! - `bulk`: changes of many entries, which nobody sees half made
//! - `record`: the whole catalog as serializable values
//!
//! A [`MemoryCatalog`] is a cheap handle. Its methods are synchronous and return owned values, so that no
//! guard of a map can be held across an await. What changes together, an artifact with all its
//! versions, is one entry of one map: whoever looks sees it before a change or after it.

mod bulk;
mod index;
mod orphan;
mod record;
mod versions;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::HashMap;
use foldhash::fast::RandomState;
use uuid::Uuid;

pub(crate) use bulk::{NewArtifact, SeededVersion};
pub(crate) use orphan::{Orphan, OrphanState, UploadAttempt};
pub(crate) use record::{ArtifactRecord, RecordError, stored_files};
use versions::Versions;
pub(crate) use versions::{File, FileSelector, NewVersion, Version};

use super::Blob;
use crate::domain::{ArtifactName, Clock, Name, Page, Query, Visibility};

/// A page found these versions, the newest first, and the search goes on with the next page, if there is
/// more to look at.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) versions: Vec<Arc<Version>>,
    pub(crate) next: Option<Page>,
}

/// Why the store refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StorageError {
    /// There is already an artifact of that name.
    // Contract: artifacts.taken
    #[error("the name is already taken")]
    NameTaken,
    /// There is no artifact, version, file or upload of that name.
    #[error("there is nothing of that name")]
    NotFound,
    /// The last number that there is was given.
    #[error("there is no number left for another version of this type")]
    NoNumber,
    /// A box is of use to Vagrant only with a provider (contract: Versions; thread).
    // Contract: versions.box-needs-provider
    #[error("Metadata must have 'provider' key")]
    NoProvider,
    /// The version was made without announcing a file.
    // Contract: silent.wrong-uploads
    #[error("the version was made with \"file\": false and takes no bytes")]
    NoFileExpected,
    /// The version has its bytes already, and these are others.
    // Contract: uploads.other-refused, silent.wrong-uploads
    #[error("the version has its file already, and these bytes are not the same")]
    OtherBytes,
}

/// All artifacts, their versions and their files.
///
/// Who works on one entry shares the lock with all who do the same; who works on many holds it
/// alone, so that nobody sees such a change half made.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryCatalog {
    maps: Arc<RwLock<Maps>>,
    clock: Clock,
}

#[derive(Clone, Debug, Default)]
struct Maps {
    artifacts: DashMap<ArtifactName, Artifact, RandomState>,
    /// Which version an upload belongs to. Entries stay as long as their version: the same bytes
    /// may be sent again.
    uploads: DashMap<Uuid, Target, RandomState>,
    /// The types of artifacts that were deleted, without versions: their numbers go on if an
    /// artifact of the same name is made again.
    deleted: DashMap<ArtifactName, HashMap<Name, Versions>, RandomState>,
}

#[derive(Clone, Debug)]
struct Artifact {
    visibility: Visibility,
    // Contract: artifacts.several-types
    types: HashMap<Name, Versions>,
}

#[derive(Clone, Debug)]
struct Target {
    key: Arc<TypeKey>,
    number: u64,
}

/// A type of one artifact, in one piece of memory for all of its uploads.
#[derive(Debug)]
struct TypeKey {
    artifact: ArtifactName,
    artifact_type: Name,
}

impl MemoryCatalog {
    /// One in which there is nothing yet, and what it takes for the time of day.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            ..Self::default()
        }
    }

    /// Makes an artifact without versions.
    ///
    /// # Errors
    /// [`StorageError::NameTaken`].
    // Contract: artifacts.taken
    pub(crate) fn create_artifact(
        &self,
        name: &ArtifactName,
        visibility: Visibility,
    ) -> Result<(), StorageError> {
        let maps = self.maps();
        match maps.artifacts.entry(name.clone()) {
            Entry::Occupied(_) => Err(StorageError::NameTaken),
            Entry::Vacant(place) => {
                place.insert(maps.new_artifact(name, visibility));
                Ok(())
            }
        }
    }

    /// Who may read an artifact; `None` where there is none.
    pub(crate) fn visibility(&self, name: &ArtifactName) -> Option<Visibility> {
        let maps = self.maps();
        Some(maps.artifacts.get(name)?.visibility)
    }

    /// Makes the next version of an artifact type.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where there is no such artifact, [`StorageError::NoProvider`] and
    /// [`StorageError::NoNumber`].
    pub(crate) fn create_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        new: NewVersion,
    ) -> Result<Arc<Version>, StorageError> {
        let maps = self.maps();
        let (version, target) = {
            let mut artifact = maps.artifacts.get_mut(name).ok_or(StorageError::NotFound)?;
            new.check(artifact_type)?;
            let (name, artifact) = artifact.pair_mut();
            artifact.add(name, artifact_type, new, self.clock.now())?
        };
        maps.uploads.insert(version.upload, target);
        Ok(version)
    }

    /// Returns the versions that a search finds, newest first, within one page. A type without versions
    /// has none.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where there is no such artifact.
    // Contract: search.nothing-matches
    pub(crate) fn search(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        query: &Query,
        page: Page,
    ) -> Result<Found, StorageError> {
        let maps = self.maps();
        let artifact = maps.artifacts.get(name).ok_or(StorageError::NotFound)?;
        let versions = artifact.types.get(artifact_type);
        Ok(versions
            .map(|versions| versions.search(query, page))
            .unwrap_or_default())
    }

    /// The bytes of a version.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where there is no such version, or it has no file.
    // Contract: download.no-file
    pub(crate) fn file(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        which: FileSelector,
    ) -> Result<Blob, StorageError> {
        let maps = self.maps();
        let artifact = maps.artifacts.get(name).ok_or(StorageError::NotFound)?;
        let versions = artifact
            .types
            .get(artifact_type)
            .ok_or(StorageError::NotFound)?;
        versions.file(which).ok_or(StorageError::NotFound)
    }

    /// Asks whether an upload of this name takes bytes, before they are read, and notes that they
    /// begin to come.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] and [`StorageError::NoFileExpected`].
    pub(crate) fn begin_upload(
        &self,
        upload: Uuid,
        announced: Option<u64>,
    ) -> Result<Arc<UploadAttempt>, StorageError> {
        self.of_upload(upload, |versions, number| {
            versions.begin_upload(number, announced)
        })
    }

    /// Gives a version the bytes it awaits, which makes it visible at once. The same bytes again
    /// are no error and change nothing (contract: Versions; inferred).
    ///
    /// # Errors
    /// [`StorageError::OtherBytes`] where it has other bytes already, which stay; and the errors of
    /// [`MemoryCatalog::begin_upload`].
    pub(crate) fn finish_upload(&self, upload: Uuid, blob: Blob) -> Result<(), StorageError> {
        self.of_upload(upload, |versions, number| {
            versions.finish_upload(number, blob)
        })
    }

    /// The bytes that the version of an upload has already, if it has them.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) fn uploaded(&self, upload: Uuid) -> Result<Option<Blob>, StorageError> {
        self.of_upload(upload, |versions, number| versions.uploaded(number))
    }

    /// How long ago the version of an upload was made.
    pub(crate) fn upload_age(&self, upload: Uuid) -> Option<Duration> {
        let created = self.of_upload(upload, |versions, number| versions.created(number));
        let age = self.clock.now().duration_since(created.ok()?);
        // A clock that was set back makes it young, not unknown.
        Some(age.unwrap_or_default())
    }

    /// Forgets an upload, but not its version.
    pub(crate) fn expire_upload(&self, upload: Uuid) {
        self.maps().uploads.remove(&upload);
    }

    /// The version that an upload belongs to: its artifact, type and number.
    pub(crate) fn version_of(&self, upload: Uuid) -> Option<(ArtifactName, Name, u64)> {
        let target = self.maps().target(upload).ok()?;
        let TypeKey {
            artifact,
            artifact_type,
        } = &*target.key;
        Some((artifact.clone(), artifact_type.clone(), target.number))
    }

    /// Works on the version that an upload belongs to.
    fn of_upload<T>(
        &self,
        upload: Uuid,
        work: impl FnOnce(&mut Versions, u64) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let maps = self.maps();
        let target = maps.target(upload)?;
        let artifact = maps.artifacts.get_mut(&target.key.artifact);
        let mut artifact = artifact.ok_or(StorageError::NotFound)?;
        let versions = artifact.types.get_mut(&target.key.artifact_type);
        work(versions.ok_or(StorageError::NotFound)?, target.number)
    }

    /// Another one that goes by the same clock.
    fn with_maps(&self, maps: Maps) -> Self {
        Self {
            maps: Arc::new(RwLock::new(maps)),
            clock: self.clock.clone(),
        }
    }

    fn maps(&self) -> RwLockReadGuard<'_, Maps> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn maps_exclusive(&self) -> RwLockWriteGuard<'_, Maps> {
        self.maps.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Maps {
    fn new_artifact(&self, name: &ArtifactName, visibility: Visibility) -> Artifact {
        let types = self.deleted.remove(name).map(|(_, types)| types);
        Artifact {
            visibility,
            types: types.unwrap_or_default(),
        }
    }

    fn target(&self, upload: Uuid) -> Result<Target, StorageError> {
        let target = self.uploads.get(&upload).ok_or(StorageError::NotFound)?;
        Ok(target.clone())
    }
}

impl Artifact {
    /// Makes the next version of a type, and says where its upload belongs: in names that share
    /// the text of those in the maps, given the artifact's own.
    fn add(
        &mut self,
        name: &ArtifactName,
        artifact_type: &Name,
        new: NewVersion,
        created: SystemTime,
    ) -> Result<(Arc<Version>, Target), StorageError> {
        let versions =
            self.types
                .entry(artifact_type.clone())
                .or_insert_with_key(|artifact_type| {
                    Versions::new(TypeKey {
                        artifact: name.clone(),
                        artifact_type: artifact_type.clone(),
                    })
                });
        let version = versions.add(new, created)?;
        let target = versions.target(version.number);
        Ok((version, target))
    }
}

#[cfg(test)]
mod tests;
