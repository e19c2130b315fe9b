//! Defines the catalog, an enum of storage backends. Each method calls the backend: in memory,
//! `memory::versions` numbers versions (`Versions::add`) and makes them visible
//! (`Versions::finish_upload`).
//!
//! - `boxes`: the operations on boxes; `accounts`: those on accounts and tokens
//! - `imports`: the operations that import versions and boxes
//! - `quotas`: the operations on quotas of owners; `channels`: those on channels
//! - `listing`: the operations that list artifacts
//! - `registries`: the operations of namespaces as registries of boxes
//! - `webhooks`: the operations on webhooks, and on the deliveries to them

mod accounts;
mod boxes;
mod channels;
mod imports;
mod listing;
mod quotas;
mod registries;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{
    AdditionError, Additions, BackendError, Blob, Contents, DurableCatalog, Found, ImportError,
    MemoryBudget, MemoryCatalog, StorageError, UploadAttempt, UploadTarget,
};
use crate::domain::{
    ArtifactName, FileSelector, Limits, Name, NewVersion, Orphan, Page, Query, ReadAccess, Totals,
    Version, Visibility,
};

/// A catalog of artifacts with their versions and files, uploads and accounts, in one of the
/// backends. A clone is a cheap handle.
///
/// The set of backends is closed, so each method matches on it. The memory backend neither boxes
/// futures nor suspends, except for long operations, which run on a blocking thread.
#[derive(Clone, Debug)]
pub(crate) enum Catalog {
    Memory(MemoryCatalog),
    Durable(DurableCatalog),
}

/// The life of a catalog.
impl Catalog {
    /// Ends all writing, once what waits is on disk. Later operations on a durable catalog fail.
    pub(crate) async fn close(&self) {
        match self {
            Self::Memory(_) => {}
            Self::Durable(durable) => durable.close().await,
        }
    }

    /// Waits until the disk fails, and returns the reason. Nothing is written any more then. A catalog
    /// in memory never fails.
    pub(crate) async fn failed(&self) -> String {
        match self {
            Self::Memory(_) => std::future::pending().await,
            Self::Durable(durable) => durable.failed().await,
        }
    }
}

/// Artifacts and versions. `by` is the user who makes a change, of which webhooks are told.
impl Catalog {
    /// Creates an artifact without versions.
    ///
    /// # Errors
    /// [`StorageError::NameTaken`].
    pub(crate) async fn create_artifact(
        &self,
        name: &ArtifactName,
        visibility: Visibility,
    ) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.create_artifact(name, visibility),
            Self::Durable(durable) => durable.create_artifact(name, visibility).await,
        }
    }

    /// Checks that an artifact exists and may be read.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn find_artifact(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
    ) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.find_artifact(name, access),
            Self::Durable(durable) => durable.find_artifact(name, access).await,
        }
    }

    /// Deletes an artifact with all its versions and files. Uploads to it fail from then on, those
    /// under way included. Its version numbers are never given again.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn delete_artifact(
        &self,
        name: &ArtifactName,
        by: Option<&Name>,
    ) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.delete_artifact(name, by),
            Self::Durable(durable) => durable.delete_artifact(name, by).await,
        }
    }

    /// Creates the next version of an artifact type. A number is never given twice, even after its
    /// version is deleted.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where there is no such artifact, [`StorageError::PushedBox`]
    /// and [`StorageError::NoNumber`].
    pub(crate) async fn create_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        new: NewVersion,
        by: Option<&Name>,
    ) -> Result<Arc<Version>, StorageError> {
        match self {
            Self::Memory(memory) => memory.create_version(name, artifact_type, new, by),
            Self::Durable(durable) => durable.create_version(name, artifact_type, new, by).await,
        }
    }

    /// Returns the versions that a search finds within one page, newest first; none for a type
    /// without versions.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where no such artifact exists or may be read.
    pub(crate) async fn search(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        access: ReadAccess,
        query: &Query,
        page: Page,
    ) -> Result<Found, StorageError> {
        match self {
            Self::Memory(memory) => memory.search(name, artifact_type, access, query, page),
            Self::Durable(durable) => {
                durable
                    .search(name, artifact_type, access, query, page)
                    .await
            }
        }
    }

    /// Returns the bytes of a version.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where no such version exists or may be read, or it has no file.
    pub(crate) async fn file(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        access: ReadAccess,
        selector: FileSelector,
    ) -> Result<Blob, StorageError> {
        match self {
            Self::Memory(memory) => memory.file(name, artifact_type, access, selector),
            Self::Durable(durable) => durable.file(name, artifact_type, access, selector).await,
        }
    }

    /// Deletes a version with its file. Its number is never given again.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn delete_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        number: u64,
        by: Option<&Name>,
    ) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.delete_version(name, artifact_type, number, by),
            Self::Durable(durable) => {
                durable
                    .delete_version(name, artifact_type, number, by)
                    .await
            }
        }
    }

    /// Returns the versions and the providers of boxes whose bytes have not come, ordered by name.
    pub(crate) async fn orphans(&self) -> Result<Vec<Orphan>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.orphans()),
            Self::Durable(durable) => durable.orphans().await,
        }
    }
}

/// Uploads.
impl Catalog {
    /// Checks whether there is space for so many bytes more. A catalog in memory has its own limit.
    ///
    /// # Errors
    /// An error of the kind [`Full`](super::BackendErrorKind::Full).
    pub(crate) async fn check_space(&self, more: u64) -> Result<(), BackendError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Durable(durable) => durable.check_space(more).await,
        }
    }

    /// Returns the free space in bytes of the disk that the data is kept on; `None` in memory, and if
    /// the system does not tell.
    pub(crate) async fn free_space(&self) -> Option<u64> {
        match self {
            Self::Memory(_) => None,
            Self::Durable(durable) => durable.free_space().await,
        }
    }

    /// Returns the target of an upload.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn upload_target(&self, upload: Uuid) -> Result<UploadTarget, StorageError> {
        match self {
            Self::Memory(memory) => memory.upload_target(upload),
            Self::Durable(durable) => durable.upload_target(upload).await,
        }
    }

    /// Returns the slug of the version, or of the provider of a box, whose file an upload brings.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn upload_slug(&self, upload: Uuid) -> Result<String, StorageError> {
        match self {
            Self::Memory(memory) => memory.upload_slug(upload),
            Self::Durable(durable) => durable.upload_slug(upload).await,
        }
    }

    /// Checks that an upload accepts bytes, before the caller reads them, and records a new
    /// attempt.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] and [`StorageError::NoFileExpected`].
    pub(crate) async fn begin_upload(
        &self,
        upload: Uuid,
        announced: Option<u64>,
    ) -> Result<Arc<UploadAttempt>, StorageError> {
        match self {
            Self::Memory(memory) => memory.begin_upload(upload, announced),
            Self::Durable(durable) => durable.begin_upload(upload, announced).await,
        }
    }

    /// Stores the bytes of a version or of a box's provider. A version is visible then, and so is a
    /// provider's file, but that of a direct upload, which awaits [`Catalog::complete_box_upload`].
    /// The same bytes again are no error and change nothing (contract: Versions; inferred).
    ///
    /// # Errors
    /// [`StorageError::OtherBytes`] where the version has other bytes already, which stay; and the
    /// errors of
    /// [`Catalog::begin_upload`].
    pub(crate) async fn finish_upload(&self, upload: Uuid, blob: Blob) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.finish_upload(upload, blob),
            Self::Durable(durable) => durable.finish_upload(upload, blob).await,
        }
    }

    /// Returns the stored bytes of an upload's version; `None` if they have not come.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn uploaded(&self, upload: Uuid) -> Result<Option<Blob>, StorageError> {
        match self {
            Self::Memory(memory) => memory.uploaded(upload),
            Self::Durable(durable) => durable.uploaded(upload).await,
        }
    }

    /// Returns the age of an upload's version.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn upload_age(&self, upload: Uuid) -> Result<Duration, StorageError> {
        match self {
            Self::Memory(memory) => memory.upload_age(upload),
            Self::Durable(durable) => durable.upload_age(upload).await,
        }
    }

    /// Removes an upload, but not its version.
    pub(crate) async fn expire_upload(&self, upload: Uuid) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.expire_upload(upload),
            Self::Durable(durable) => durable.expire_upload(upload).await?,
        }
        Ok(())
    }
}

/// Operations on the whole catalog, which take long if it is large.
impl Catalog {
    /// Adds users, organisations and artifacts: either all of them or, if one fails, none.
    ///
    /// # Errors
    /// The error of the first addition that fails.
    pub(crate) async fn add(&self, additions: Additions) -> Result<(), AdditionError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                run_blocking(move || memory.add(&additions))
                    .await
                    .map_err(AdditionError::Backend)?
            }
            Self::Durable(durable) => durable.add(additions).await,
        }
    }

    /// Returns the contents of the catalog at one moment, without the root account.
    pub(crate) async fn export(&self) -> Result<Contents, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(run_blocking(move || memory.export()).await?)
            }
            Self::Durable(durable) => durable.export().await,
        }
    }

    /// Returns a catalog with these contents, and with the clock, the root account and the root token
    /// of this catalog. In memory it is a new catalog; a durable catalog replaces its own contents.
    ///
    /// # Errors
    /// When the contents are contradictory, exceed the limits, or contain the root token of this
    /// catalog. Nothing is changed then.
    pub(crate) async fn import(
        &self,
        contents: Contents,
        limits: Limits,
    ) -> Result<Self, ImportError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                let import = run_blocking(move || memory.import(contents, limits));
                Ok(Self::Memory(import.await??))
            }
            Self::Durable(durable) => {
                durable.import(contents, limits).await?;
                Ok(self.clone())
            }
        }
    }

    /// Returns a catalog with the contents of another, as [`Catalog::import`] does.
    ///
    /// # Errors
    /// The errors of [`Catalog::import`].
    pub(crate) async fn reset(&self, initial: &MemoryCatalog) -> Result<Self, ImportError> {
        let initial = initial.clone();
        match self {
            Self::Memory(_) => Ok(Self::Memory(run_blocking(move || initial.copy()).await?)),
            Self::Durable(_) => {
                let contents = run_blocking(move || initial.export()).await?;
                self.import(contents, Limits::default()).await
            }
        }
    }

    /// Charges all files that are not charged yet to a budget, even beyond its limit.
    pub(crate) async fn charge(&self, budget: &MemoryBudget) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => {
                let (memory, budget) = (memory.clone(), budget.clone());
                Ok(run_blocking(move || memory.charge(&budget)).await?)
            }
            // Its files are on disk, and take no memory.
            Self::Durable(_) => Ok(()),
        }
    }

    /// Returns the URL of the database without its password; `None` if there is none, or it is in a folder.
    pub(crate) fn database_url(&self) -> Option<&str> {
        match self {
            Self::Memory(_) => None,
            Self::Durable(durable) => durable.database_url(),
        }
    }

    /// Checks whether the storage can be used.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(crate) async fn check_ready(&self) -> Result<(), StorageError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Durable(durable) => Ok(durable.check_ready().await?),
        }
    }

    /// Returns whether the catalog keeps the SHA-256 of every file, and not only that of boxes: it is best
    /// computed as the bytes pass.
    pub(crate) fn keeps_sha256(&self) -> bool {
        matches!(self, Self::Durable(_))
    }

    /// Removes the bytes of deleted files in the background, once a grace period is over, and what dead
    /// processes have left, if the catalog keeps its files and there is a runtime.
    pub(crate) fn start_sweeping(&self, grace: Duration) {
        match self {
            Self::Memory(_) => {}
            Self::Durable(durable) => durable.start_sweeping(grace),
        }
    }

    /// Counts the artifacts, versions and bytes of the catalog.
    pub(crate) async fn totals(&self) -> Result<Totals, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(run_blocking(move || memory.totals()).await?)
            }
            Self::Durable(durable) => durable.totals().await,
        }
    }
}

/// Runs `work` on a blocking thread if there is a runtime, which `work` would hold up.
async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BackendError> {
    match Handle::try_current() {
        Ok(_) => Ok(spawn_blocking(work).await?),
        Err(_) => Ok(work()),
    }
}
