//! What this Atlas holds. Knows nothing of HTTP, of callers and of JSON.
//!
//! - `versions`: the versions of one artifact type, and how a search picks among them
//! - `query`: what a search asks for; `index`: finds it
//! - `metadata`: a version's metadata, in the order the real Atlas gave it back
//! - `orphan`: versions that await their file
//! - `whole`: changes of many entries, which nobody sees half made
//! - `record`: all of it as values, to be kept elsewhere
//! - `blob`: the bytes of a file; `memory`: how many there may be in all; `limits`: in a version
//!
//! A [`Store`] is a cheap handle. Its methods are synchronous and return owned values, so that no
//! guard of a map can be held across an await. What changes together, an artifact with all its
//! versions, is one entry of one map: whoever looks sees it before a change or after it.

mod blob;
mod index;
mod limits;
mod memory;
mod metadata;
mod orphan;
mod query;
mod record;
mod versions;
mod whole;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::HashMap;
use foldhash::fast::RandomState;
use uuid::Uuid;

pub(crate) use blob::{Blob, BlobWriter, Digest};
pub(crate) use limits::{Limits, OverLimit};
use memory::Held;
pub(crate) use memory::{Memory, MemoryFull};
pub(crate) use metadata::Metadata;
pub(crate) use orphan::{Attempt, Orphan, OrphanState};
pub(crate) use query::{Filter, Found, Page, Query, Select};
pub(crate) use record::{ArtifactRecord, RecordError, stored_files};
use versions::Versions;
pub(crate) use versions::{File, NewVersion, Version, Which};
pub(crate) use whole::{NewArtifact, SeededVersion, Totals};

use crate::clock::Clock;
use crate::names::{ArtifactName, Name};

/// Who may read an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// Everyone, without a token too.
    Public,
    /// Those who may write to it.
    Private,
}

/// Why the store refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    /// There is already an artifact of that name.
    #[error("the name is already taken")]
    NameTaken,
    /// There is no artifact, version, file or upload of that name.
    #[error("there is nothing of that name")]
    NotFound,
    /// The last number that there is was given.
    #[error("there is no number left for another version of this type")]
    NoNumber,
    /// A box is of use to Vagrant only with a provider (contract: Versions; thread).
    #[error("Metadata must have 'provider' key")]
    NoProvider,
    /// The version was made without announcing a file.
    #[error("the version was made with \"file\": false and takes no bytes")]
    NoFileExpected,
    /// The version has its bytes already, and these are others.
    #[error("the version has its file already, and these bytes are not the same")]
    OtherBytes,
}

/// All artifacts, their versions and their files.
///
/// Who works on one entry shares the lock with all who do the same; who works on many holds it
/// alone, so that nobody sees such a change half made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
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
    types: HashMap<Name, Versions>,
}

#[derive(Clone, Debug)]
struct Target {
    kind: Arc<Kind>,
    number: u64,
}

/// A type of one artifact, in one piece of memory for all of its uploads.
#[derive(Debug)]
struct Kind {
    artifact: ArtifactName,
    artifact_type: Name,
}

impl Store {
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
    /// [`StoreError::NameTaken`].
    pub(crate) fn create_artifact(
        &self,
        name: &ArtifactName,
        visibility: Visibility,
    ) -> Result<(), StoreError> {
        let maps = self.maps();
        match maps.artifacts.entry(name.clone()) {
            Entry::Occupied(_) => Err(StoreError::NameTaken),
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
    /// [`StoreError::NotFound`] where there is no such artifact, [`StoreError::NoProvider`] and
    /// [`StoreError::NoNumber`].
    pub(crate) fn create_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        new: NewVersion,
    ) -> Result<Arc<Version>, StoreError> {
        let maps = self.maps();
        let (version, target) = {
            let mut artifact = maps.artifacts.get_mut(name).ok_or(StoreError::NotFound)?;
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
    /// [`StoreError::NotFound`] where there is no such artifact.
    pub(crate) fn search(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        query: &Query,
        page: Page,
    ) -> Result<Found, StoreError> {
        let maps = self.maps();
        let artifact = maps.artifacts.get(name).ok_or(StoreError::NotFound)?;
        let versions = artifact.types.get(artifact_type);
        Ok(versions
            .map(|versions| versions.search(query, page))
            .unwrap_or_default())
    }

    /// The bytes of a version.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such version, or it has no file.
    pub(crate) fn file(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        which: Which,
    ) -> Result<Blob, StoreError> {
        let maps = self.maps();
        let artifact = maps.artifacts.get(name).ok_or(StoreError::NotFound)?;
        let versions = artifact
            .types
            .get(artifact_type)
            .ok_or(StoreError::NotFound)?;
        versions.file(which).ok_or(StoreError::NotFound)
    }

    /// Asks whether an upload of this name takes bytes, before they are read, and notes that they
    /// begin to come.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] and [`StoreError::NoFileExpected`].
    pub(crate) fn begin_upload(
        &self,
        upload: Uuid,
        announced: Option<u64>,
    ) -> Result<Arc<Attempt>, StoreError> {
        self.of_upload(upload, |versions, number| {
            versions.begin_upload(number, announced)
        })
    }

    /// Gives a version the bytes it awaits, which makes it visible at once. The same bytes again
    /// are no error and change nothing (contract: Versions; inferred).
    ///
    /// # Errors
    /// [`StoreError::OtherBytes`] where it has other bytes already, which stay; and the errors of
    /// [`Store::begin_upload`].
    pub(crate) fn finish_upload(&self, upload: Uuid, blob: Blob) -> Result<(), StoreError> {
        self.of_upload(upload, |versions, number| {
            versions.finish_upload(number, blob)
        })
    }

    /// The bytes that the version of an upload has already, if it has them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub(crate) fn uploaded(&self, upload: Uuid) -> Result<Option<Blob>, StoreError> {
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
        let Kind {
            artifact,
            artifact_type,
        } = &*target.kind;
        Some((artifact.clone(), artifact_type.clone(), target.number))
    }

    /// Works on the version that an upload belongs to.
    fn of_upload<T>(
        &self,
        upload: Uuid,
        work: impl FnOnce(&mut Versions, u64) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let maps = self.maps();
        let target = maps.target(upload)?;
        let artifact = maps.artifacts.get_mut(&target.kind.artifact);
        let mut artifact = artifact.ok_or(StoreError::NotFound)?;
        let versions = artifact.types.get_mut(&target.kind.artifact_type);
        work(versions.ok_or(StoreError::NotFound)?, target.number)
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

    fn maps_alone(&self) -> RwLockWriteGuard<'_, Maps> {
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

    fn target(&self, upload: Uuid) -> Result<Target, StoreError> {
        let target = self.uploads.get(&upload).ok_or(StoreError::NotFound)?;
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
    ) -> Result<(Arc<Version>, Target), StoreError> {
        let versions =
            self.types
                .entry(artifact_type.clone())
                .or_insert_with_key(|artifact_type| {
                    Versions::new(Kind {
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
