//! The operations that list artifacts, their types, and the files of their versions.

use std::ops::RangeInclusive;

use super::{Catalog, run_blocking};
use crate::domain::{ArtifactName, Name, ReadAccess};
use crate::storage::{ArtifactsQuery, ListedArtifact, ListedFile, ListedType, StorageError};

impl Catalog {
    /// Returns one page of artifacts, the last that were created first.
    ///
    /// # Errors
    /// When the storage fails.
    pub(crate) async fn artifacts(
        &self,
        query: ArtifactsQuery,
    ) -> Result<Vec<ListedArtifact>, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(run_blocking(move || memory.artifacts(&query)).await?)
            }
            Self::Durable(durable) => durable.artifacts(query).await,
        }
    }

    /// Returns the types of an artifact that have a visible version, ordered by name.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where no such artifact exists or may be read.
    pub(crate) async fn types(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
    ) -> Result<Vec<ListedType>, StorageError> {
        match self {
            Self::Memory(memory) => memory.types(name, access),
            Self::Durable(durable) => durable.types(name, access).await,
        }
    }

    /// Returns the stored files of the versions with these numbers, the lowest first; none for a type without
    /// versions.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where no such artifact exists or may be read.
    pub(crate) async fn listed_files(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        access: ReadAccess,
        numbers: RangeInclusive<u64>,
    ) -> Result<Vec<ListedFile>, StorageError> {
        match self {
            Self::Memory(memory) => memory.listed_files(name, artifact_type, access, numbers),
            Self::Durable(durable) => {
                durable
                    .listed_files(name, artifact_type, access, numbers)
                    .await
            }
        }
    }
}
