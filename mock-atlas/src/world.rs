//! Everything an Atlas knows at a time: what it holds, and who may see it.

use std::sync::Arc;

use crate::access::{Access, Account, Caller, Directory};
use crate::error::ApiError;
use crate::names::ArtifactName;
use crate::store::Store;

/// A cheap handle. What was read from one world is written to the same: a request that began
/// before a reset ends in the world that the reset put away, and leaves no trace in the new one.
#[derive(Clone, Debug)]
pub(crate) struct World(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    access: Access,
}

impl World {
    pub(crate) fn new(directory: Directory, store: Store) -> Self {
        let access = Access::new(directory);
        Self(Arc::new(Inner { store, access }))
    }

    /// The same as it is now, to be changed on its own.
    pub(crate) fn copy(&self) -> Self {
        let (directory, store) = self.access().copy_with(|| self.store().copy());
        Self::new(directory, store)
    }

    /// Whether this is the same one, and not only one like it.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn access(&self) -> &Access {
        &self.0.access
    }

    /// Refuses what the caller may not read as if it were not there (contract: Base URL and
    /// authentication).
    pub(crate) fn check_read(
        &self,
        caller: &Caller,
        artifact: &ArtifactName,
    ) -> Result<(), ApiError> {
        match self.store().visibility(artifact) {
            Some(visibility) if self.access().may_read(caller, artifact, visibility) => Ok(()),
            _ => Err(ApiError::NotFound),
        }
    }

    /// Refuses what the account may not write as if it were not there, even where it may read it:
    /// the contract knows no 403.
    pub(crate) fn check_write(
        &self,
        account: &Account,
        artifact: &ArtifactName,
    ) -> Result<(), ApiError> {
        if self.access().may_write(account, &artifact.username) {
            Ok(())
        } else {
            Err(ApiError::NotFound)
        }
    }
}
