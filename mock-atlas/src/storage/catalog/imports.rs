//! The operations that import versions and boxes, or all contents of an archive.

use foldhash::{HashMap, HashMapExt};

use super::Catalog;
use crate::domain::Limits;
use crate::storage::{
    BackendError, Blob, Contents, ImportError, ImportedBox, ImportedVersion, IncomingFiles,
    Presence, Records, StorageError,
};

/// Imports of what existed elsewhere before.
impl Catalog {
    /// Compares a version with the one of its number.
    ///
    /// # Errors
    /// The errors of [`Catalog::import_version`] for a version that cannot be.
    pub(crate) async fn compare_version(
        &self,
        imported: ImportedVersion,
    ) -> Result<Presence, StorageError> {
        match self {
            Self::Memory(memory) => memory.compare_version(&imported),
            Self::Durable(durable) => durable.compare_version(imported).await,
        }
    }

    /// Adds a version with its number, its time and its file, which is visible then, and its artifact if that does
    /// not exist. The numbers of the type go on after the highest. Returns [`Presence::Missing`] for a version that
    /// was missing, and nothing is changed otherwise.
    ///
    /// # Errors
    /// [`StorageError::NoNumber`], [`StorageError::PushedBox`], and [`StorageError::Account`] for a name that nobody
    /// can have.
    pub(crate) async fn import_version(
        &self,
        imported: ImportedVersion,
        file: Option<Blob>,
    ) -> Result<Presence, StorageError> {
        match self {
            Self::Memory(memory) => memory.import_version(&imported, file),
            Self::Durable(durable) => durable.import_version(imported, file).await,
        }
    }

    /// Compares a box, and its version, with what is there.
    ///
    /// # Errors
    /// [`StorageError::Box`] for a box that contradicts itself.
    pub(crate) async fn compare_box(
        &self,
        imported: ImportedBox,
    ) -> Result<Presence, StorageError> {
        match self {
            Self::Memory(memory) => memory.compare_box(&imported),
            Self::Durable(durable) => durable.compare_box(imported).await,
        }
    }

    /// Adds a box, if it does not exist, with a version that it lacks, with times, states and files. Returns
    /// [`Presence::Missing`] for one that was missing, and nothing is changed otherwise.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] for a file that is not there, [`StorageError::NoNumber`], and the errors of
    /// [`Catalog::compare_box`].
    pub(crate) async fn import_box(&self, imported: ImportedBox) -> Result<Presence, StorageError> {
        match self {
            Self::Memory(memory) => memory.import_box(&imported),
            Self::Durable(durable) => durable.import_box(imported).await,
        }
    }
}

/// Imports of whole contents whose files come one after the other.
impl Catalog {
    /// Returns a place for the files of contents that are to be imported, which come one after the other.
    pub(crate) fn incoming_files(&self) -> IncomingFiles {
        match self {
            Self::Memory(_) => IncomingFiles::Memory(HashMap::new()),
            Self::Durable(durable) => IncomingFiles::Durable(durable.kept_files()),
        }
    }

    /// Returns a catalog with these contents, as [`Catalog::import`] does, whose files were
    /// [received](Self::incoming_files) before.
    ///
    /// # Errors
    /// The errors of [`Catalog::import`]. The files are removed then.
    pub(crate) async fn import_files(
        &self,
        records: Records,
        files: IncomingFiles,
        limits: Limits,
    ) -> Result<Self, ImportError> {
        match (self, files) {
            (Self::Durable(durable), IncomingFiles::Durable(kept)) => {
                durable.import_kept(records, kept, limits).await?;
                Ok(self.clone())
            }
            (_, IncomingFiles::Memory(files)) => {
                let (access, artifacts) = records;
                let contents = Contents {
                    access,
                    artifacts,
                    files,
                };
                self.import(contents, limits).await
            }
            (Self::Memory(_), IncomingFiles::Durable(kept)) => {
                kept.discard().await;
                let error = "the files were received for another catalog";
                Err(BackendError::new(error).into())
            }
        }
    }
}
