//! All that an Atlas knows at a time: what it holds, and who may see it.

use std::sync::Arc;

use crate::domain::{Account, ArtifactName, Caller};
use crate::storage::{Accounts, Directory, MemoryCatalog, StorageError};

/// A cheap handle. What was read from one dataset is written to the same: a request that began
/// before a reset ends in the dataset that the reset put away, and leaves no trace in the new one.
#[derive(Clone, Debug)]
pub(crate) struct Dataset(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    catalog: MemoryCatalog,
    accounts: Accounts,
}

impl Dataset {
    pub(crate) fn new(directory: Directory, catalog: MemoryCatalog) -> Self {
        let accounts = Accounts::new(directory);
        Self(Arc::new(Inner { catalog, accounts }))
    }

    /// Returns a copy of the present state, to be changed on its own.
    pub(crate) fn copy(&self) -> Self {
        let (directory, catalog) = self.accounts().copy_with(|| self.catalog().copy());
        Self::new(directory, catalog)
    }

    /// Returns whether this is the same dataset, and not only one with the same content.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn catalog(&self) -> &MemoryCatalog {
        &self.0.catalog
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// Refuses what the caller may not read as if it were not there (contract: Base URL and
    /// authentication).
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    // Contract: auth.hidden-like-missing, artifacts.get-missing, search.missing-artifact
    // Contract: search.hidden-artifact
    pub(crate) fn check_read(
        &self,
        caller: &Caller,
        artifact: &ArtifactName,
    ) -> Result<(), StorageError> {
        match self.catalog().visibility(artifact) {
            Some(visibility) if self.accounts().may_read(caller, artifact, visibility) => Ok(()),
            _ => Err(StorageError::NotFound),
        }
    }

    /// Refuses what the account may not write as if it were not there, even where it may read it:
    /// the contract knows no 403.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    // Contract: artifacts.not-writable, silent.readers-who-write
    pub(crate) fn check_write(
        &self,
        account: &Account,
        artifact: &ArtifactName,
    ) -> Result<(), StorageError> {
        if self.accounts().may_write(account, &artifact.username) {
            Ok(())
        } else {
            Err(StorageError::NotFound)
        }
    }
}
