//! What this Atlas holds. Knows nothing of HTTP, of callers and of JSON.
//!
//! - `versions`: the versions of one artifact type, and how a search picks among them
//! - `query`: what a search asks for
//! - `metadata`: a version's metadata, in the order the real Atlas gave it back
//! - `blob`: the bytes of a file
//!
//! A [`Store`] is a cheap handle. Its methods are synchronous and return owned values, so that no
//! guard of a map can be held across an await. What changes together, an artifact with all its
//! versions, is one entry of one map: whoever looks sees it before a change or after it.

mod blob;
mod metadata;
mod query;
mod versions;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use uuid::Uuid;

pub(crate) use blob::{Blob, BlobWriter};
pub(crate) use metadata::Metadata;
pub(crate) use query::{Filter, Query, Select};
use versions::Versions;
pub(crate) use versions::{File, NewVersion, Version, Which};

use crate::names::{ArtifactName, Name};

/// Who may read an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// Everyone, without a token too.
    Public,
    /// Those who may write to it.
    Private,
}

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

/// Why the store refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    /// There is already an artifact of that name.
    #[error("the name is already taken")]
    NameTaken,
    /// There is no artifact, version, file or upload of that name.
    #[error("there is nothing of that name")]
    NotFound,
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
pub(crate) struct Store(Arc<RwLock<Maps>>);

#[derive(Debug, Default)]
struct Maps {
    artifacts: DashMap<ArtifactName, Artifact>,
    /// Which version an upload belongs to. Entries stay as long as their version: the same bytes
    /// may be sent again.
    uploads: DashMap<Uuid, Target>,
}

#[derive(Debug)]
struct Artifact {
    visibility: Visibility,
    types: HashMap<Name, Versions>,
}

#[derive(Clone, Debug)]
struct Target {
    artifact: ArtifactName,
    artifact_type: Name,
    number: u64,
}

impl Store {
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
                place.insert(Artifact::new(visibility));
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
    /// [`StoreError::NotFound`] where there is no such artifact, and [`StoreError::NoProvider`].
    pub(crate) fn create_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        new: NewVersion,
    ) -> Result<Version, StoreError> {
        let maps = self.maps();
        let (version, target) = {
            let mut artifact = maps.artifacts.get_mut(name).ok_or(StoreError::NotFound)?;
            new.check(artifact_type)?;
            artifact.add(name, artifact_type, new)
        };
        maps.uploads.insert(version.upload, target);
        Ok(version)
    }

    /// Adds artifacts with their versions and files: all of them or, where a name is taken, none.
    ///
    /// # Errors
    /// The position of the first whose name is taken.
    pub(crate) fn add_artifacts(&self, new: &[NewArtifact]) -> Result<(), usize> {
        let maps = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let taken = |new: &NewArtifact| maps.artifacts.contains_key(&new.name);
        if let Some(at) = new.iter().position(taken) {
            return Err(at);
        }
        for NewArtifact {
            name,
            visibility,
            versions,
        } in new
        {
            let mut artifact = Artifact::new(*visibility);
            for SeededVersion {
                artifact_type,
                new,
                file,
            } in versions
            {
                let (version, target) = artifact.add(name, artifact_type, new.clone());
                maps.uploads.insert(version.upload, target);
                let of_type = artifact.types.get_mut(artifact_type);
                if let Some((versions, file)) = of_type.zip(file.clone()) {
                    // It was made with a file and has none yet, so it takes this one.
                    let _ = versions.finish_upload(version.number, file);
                }
            }
            maps.artifacts.insert(name.clone(), artifact);
        }
        Ok(())
    }

    /// The versions that a search finds, newest first. A type without versions has none.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such artifact.
    pub(crate) fn search(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        query: &Query,
    ) -> Result<Vec<Version>, StoreError> {
        let maps = self.maps();
        let artifact = maps.artifacts.get(name).ok_or(StoreError::NotFound)?;
        let versions = artifact.types.get(artifact_type);
        Ok(versions
            .map(|versions| versions.search(query))
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

    /// Whether an upload of this name takes bytes, asked before they are read.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] and [`StoreError::NoFileExpected`].
    pub(crate) fn check_upload(&self, upload: Uuid) -> Result<(), StoreError> {
        let maps = self.maps();
        let target = maps.target(upload)?;
        let artifact = maps
            .artifacts
            .get(&target.artifact)
            .ok_or(StoreError::NotFound)?;
        let versions = artifact
            .types
            .get(&target.artifact_type)
            .ok_or(StoreError::NotFound)?;
        versions.check_upload(target.number)
    }

    /// Gives a version the bytes it awaits, which makes it visible at once. The same bytes again
    /// are no error and change nothing (contract: Versions; inferred).
    ///
    /// # Errors
    /// [`StoreError::OtherBytes`] where it has other bytes already, which stay; and the errors of
    /// [`Store::check_upload`].
    pub(crate) fn finish_upload(&self, upload: Uuid, blob: Blob) -> Result<(), StoreError> {
        let maps = self.maps();
        let target = maps.target(upload)?;
        let mut artifact = maps
            .artifacts
            .get_mut(&target.artifact)
            .ok_or(StoreError::NotFound)?;
        let versions = artifact
            .types
            .get_mut(&target.artifact_type)
            .ok_or(StoreError::NotFound)?;
        versions.finish_upload(target.number, blob)
    }

    fn maps(&self) -> RwLockReadGuard<'_, Maps> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Maps {
    fn target(&self, upload: Uuid) -> Result<Target, StoreError> {
        let target = self.uploads.get(&upload).ok_or(StoreError::NotFound)?;
        Ok(target.clone())
    }
}

impl Artifact {
    fn new(visibility: Visibility) -> Self {
        Self {
            visibility,
            types: HashMap::new(),
        }
    }

    /// Makes the next version of a type, and says where its upload belongs.
    fn add(
        &mut self,
        name: &ArtifactName,
        artifact_type: &Name,
        new: NewVersion,
    ) -> (Version, Target) {
        let versions = self.types.entry(artifact_type.clone()).or_default();
        let version = versions.add(new);
        let target = Target {
            artifact: name.clone(),
            artifact_type: artifact_type.clone(),
            number: version.number,
        };
        (version, target)
    }
}

#[cfg(test)]
mod tests;
