//! The operations of a catalog on registries: the namespaces of users and organisations, as HCP's API
//! has them.

use super::{Catalog, run_blocking};
use crate::domain::{Account, Name, RegistryChange};
use crate::storage::{FoundRegistry, StorageError};

impl Catalog {
    /// Returns the registries in which an account has a role, without regard to the scope of its token, ordered by
    /// name.
    pub(crate) async fn registries_of(
        &self,
        account: &Account,
    ) -> Result<Vec<FoundRegistry>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.registries_of(account)),
            Self::Durable(durable) => durable.registries_of(account).await,
        }
    }

    /// Returns the registry of a user or an organisation; `None` if there is none of this name.
    pub(crate) async fn registry(
        &self,
        name: &Name,
    ) -> Result<Option<FoundRegistry>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.registry(name)),
            Self::Durable(durable) => durable.registry(name).await,
        }
    }

    /// Returns whether the boxes of a namespace can be seen and changed.
    pub(crate) async fn is_active(&self, namespace: &Name) -> Result<bool, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.is_active(namespace)),
            Self::Durable(durable) => durable.is_active(namespace).await,
        }
    }

    /// Creates an organisation without members, and returns its registry.
    ///
    /// # Errors
    /// The [`AccountError`](crate::storage::AccountError) of a name that is not free.
    pub(crate) async fn create_registry(
        &self,
        name: &Name,
        change: RegistryChange,
    ) -> Result<FoundRegistry, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.create_registry(name, change)?),
            Self::Durable(durable) => durable.create_registry(name, change).await,
        }
    }

    /// Changes a registry and returns it.
    ///
    /// # Errors
    /// [`AccountError::UnknownRegistry`](crate::storage::AccountError::UnknownRegistry).
    pub(crate) async fn change_registry(
        &self,
        name: &Name,
        change: RegistryChange,
    ) -> Result<FoundRegistry, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.change_registry(name, change)?),
            Self::Durable(durable) => durable.change_registry(name, change).await,
        }
    }

    /// Deletes an organisation with its memberships and its boxes, and returns its registry.
    ///
    /// # Errors
    /// An [`AccountError`](crate::storage::AccountError) where there is no such organisation, the registry
    /// belongs to a user, or the namespace has artifacts that are no boxes.
    pub(crate) async fn delete_registry(
        &self,
        name: &Name,
        by: Option<&Name>,
    ) -> Result<FoundRegistry, StorageError> {
        match self {
            Self::Memory(memory) => {
                let (memory, name, by) = (memory.clone(), name.clone(), by.cloned());
                run_blocking(move || memory.delete_registry(&name, by.as_ref())).await?
            }
            Self::Durable(durable) => durable.delete_registry(name, by).await,
        }
    }
}
