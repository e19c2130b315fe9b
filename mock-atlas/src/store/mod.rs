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
use std::sync::Arc;

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

/// Why the store refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    /// There is already an artifact of that name.
    #[error("the name is already taken")]
    NameTaken,
    /// There is no artifact, version, file or upload of that name.
    #[error("there is nothing of that name")]
    NotFound,
    /// The version was made without announcing a file.
    #[error("the version was made with \"file\": false and takes no bytes")]
    NoFileExpected,
    /// The version has its bytes already, and these are others.
    #[error("the version has its file already, and these bytes are not the same")]
    OtherBytes,
}

/// All artifacts, their versions and their files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store(Arc<Maps>);

#[derive(Debug, Default)]
struct Maps {
    artifacts: DashMap<ArtifactName, Artifact>,
    /// Which version an upload belongs to. Entries stay for good: the same bytes may be sent again.
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
        match self.0.artifacts.entry(name.clone()) {
            Entry::Occupied(_) => Err(StoreError::NameTaken),
            Entry::Vacant(place) => {
                place.insert(Artifact {
                    visibility,
                    types: HashMap::new(),
                });
                Ok(())
            }
        }
    }

    /// Who may read an artifact; `None` where there is none.
    pub(crate) fn visibility(&self, name: &ArtifactName) -> Option<Visibility> {
        Some(self.0.artifacts.get(name)?.visibility)
    }

    /// Makes the next version of an artifact type.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such artifact.
    pub(crate) fn create_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        new: NewVersion,
    ) -> Result<Version, StoreError> {
        let upload = Uuid::new_v4();
        let version = {
            let mut artifact = self.0.artifacts.get_mut(name).ok_or(StoreError::NotFound)?;
            artifact
                .types
                .entry(artifact_type.clone())
                .or_default()
                .add(new, upload)
        };
        let target = Target {
            artifact: name.clone(),
            artifact_type: artifact_type.clone(),
            number: version.number,
        };
        self.0.uploads.insert(upload, target);
        Ok(version)
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
        let artifact = self.0.artifacts.get(name).ok_or(StoreError::NotFound)?;
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
        let artifact = self.0.artifacts.get(name).ok_or(StoreError::NotFound)?;
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
        let target = self.target(upload)?;
        let artifact = self
            .0
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
        let target = self.target(upload)?;
        let mut artifact = self
            .0
            .artifacts
            .get_mut(&target.artifact)
            .ok_or(StoreError::NotFound)?;
        let versions = artifact
            .types
            .get_mut(&target.artifact_type)
            .ok_or(StoreError::NotFound)?;
        versions.finish_upload(target.number, blob)
    }

    fn target(&self, upload: Uuid) -> Result<Target, StoreError> {
        Ok(self
            .0
            .uploads
            .get(&upload)
            .ok_or(StoreError::NotFound)?
            .clone())
    }
}

#[cfg(test)]
mod tests;
