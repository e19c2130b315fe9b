//! The operations of a catalog on quotas: how many bytes the files of a user or an organisation may have.

use super::{Catalog, run_blocking};
use crate::domain::{Name, Quota};
use crate::storage::StorageError;

impl Catalog {
    /// Returns all quotas, ordered by owner.
    pub(crate) async fn quotas(&self) -> Result<Vec<(Name, Quota)>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.quotas()),
            Self::Durable(durable) => durable.quotas().await,
        }
    }

    /// Checks whether a new file fits into what is left of the quota of an owner, if there is one.
    ///
    /// # Errors
    /// [`StorageError::OverQuota`].
    pub(crate) async fn check_quota(&self, owner: &Name, len: u64) -> Result<(), StorageError> {
        let quota = match self {
            Self::Memory(memory) => memory.quota(owner),
            Self::Durable(durable) => durable.quota(owner).await?,
        };
        match quota {
            Some(quota) => Ok(quota.check(len, 0)?),
            None => Ok(()),
        }
    }

    /// Sets the quota of a user or an organisation, and counts what is used. A quota below that refuses only growth.
    ///
    /// # Errors
    /// [`AccountError::UnknownRegistry`](crate::storage::AccountError::UnknownRegistry).
    pub(crate) async fn set_quota(&self, owner: &Name, limit: u64) -> Result<Quota, StorageError> {
        match self {
            Self::Memory(memory) => {
                let (memory, owner) = (memory.clone(), owner.clone());
                run_blocking(move || memory.set_quota(&owner, limit)).await?
            }
            Self::Durable(durable) => durable.set_quota(owner, limit).await,
        }
    }

    /// Removes the quota of an owner.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where there is none.
    pub(crate) async fn remove_quota(&self, owner: &Name) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.remove_quota(owner),
            Self::Durable(durable) => durable.remove_quota(owner).await,
        }
    }
}
