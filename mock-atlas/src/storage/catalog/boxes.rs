//! The operations of a catalog on boxes. `by` is the user who makes a change, of which webhooks are told.

use uuid::Uuid;

use super::{Catalog, run_blocking};
use crate::domain::{ArtifactName, BoxError, Name, ReadAccess};
use crate::storage::{BoxDraft, FoundBox, NewBox, StorageError};

impl Catalog {
    /// Creates a box without versions, and its artifact if that does not exist.
    ///
    /// # Errors
    /// [`BoxError::BoxTaken`].
    pub(crate) async fn create_box(
        &self,
        name: &ArtifactName,
        new: NewBox,
    ) -> Result<FoundBox, StorageError> {
        match self {
            Self::Memory(memory) => memory.create_box(name, new),
            Self::Durable(durable) => durable.create_box(name, new).await,
        }
    }

    /// Returns a box.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where no such box exists or may be read.
    pub(crate) async fn find_box(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
    ) -> Result<FoundBox, StorageError> {
        match self {
            Self::Memory(memory) => memory.find_box(name, access),
            Self::Durable(durable) => durable.find_box(name, access).await,
        }
    }

    /// Returns all boxes, in any order.
    pub(crate) async fn boxes(&self) -> Result<Vec<FoundBox>, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(run_blocking(move || memory.boxes()).await?)
            }
            Self::Durable(durable) => durable.boxes().await,
        }
    }

    /// Changes a box as `change` says, or not at all if that fails, and returns the changed box with
    /// the result of `change`. Uploads that are no longer named by a provider are void, and files to
    /// which no provider refers any longer are deleted.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], and the errors of `change`.
    pub(crate) async fn change_box<T: Send + 'static>(
        &self,
        name: &ArtifactName,
        by: Option<&Name>,
        change: impl FnOnce(&mut BoxDraft) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<(FoundBox, T), StorageError> {
        match self {
            Self::Memory(memory) => memory.change_box(name, by, change),
            Self::Durable(durable) => durable.change_box(name, by, change).await,
        }
    }

    /// Deletes a box with its files, which are all versions of the artifact type `vagrant.box`, and
    /// the artifact, too, if it has no versions of other types.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn delete_box(
        &self,
        name: &ArtifactName,
        by: Option<&Name>,
    ) -> Result<FoundBox, StorageError> {
        match self {
            Self::Memory(memory) => memory.delete_box(name, by),
            Self::Durable(durable) => durable.delete_box(name, by).await,
        }
    }

    /// Makes the file of a direct upload visible. Again is no error and changes nothing.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where the box has no such upload, and [`BoxError::NoBytes`].
    pub(crate) async fn complete_box_upload(
        &self,
        name: &ArtifactName,
        upload: Uuid,
        by: Option<&Name>,
    ) -> Result<FoundBox, StorageError> {
        match self {
            Self::Memory(memory) => memory.complete_box_upload(name, upload, by),
            Self::Durable(durable) => durable.complete_box_upload(name, upload, by).await,
        }
    }

    /// Counts a download of a file of a box.
    pub(crate) async fn count_download(&self, name: &ArtifactName) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.count_download(name),
            Self::Durable(durable) => durable.count_download(name).await?,
        }
        Ok(())
    }
}
