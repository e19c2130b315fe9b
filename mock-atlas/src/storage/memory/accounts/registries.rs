//! The namespaces of users and organisations as registries of boxes.

use super::AccountTables;
use super::tables::Namespace;
use crate::domain::{Account, Name, Registry, RegistryChange};
use crate::storage::{AccountError, FoundRegistry, RegistryOwner};

impl AccountTables {
    /// Returns the registries in which an account has a role, ordered by name.
    pub(super) fn registries_of(&self, account: &Account) -> Vec<FoundRegistry> {
        let names = self.namespaces.keys();
        let own = names.filter(|name| self.role(account, name).is_some());
        let mut own: Vec<_> = own.filter_map(|name| self.registry(name)).collect();
        own.sort_by(|a, b| a.name.cmp(&b.name));
        own
    }

    /// Returns the registry of a user or an organisation.
    pub(in crate::storage::memory) fn registry(&self, name: &Name) -> Option<FoundRegistry> {
        let owner = match self.namespaces.get(name)? {
            Namespace::User(_) => RegistryOwner::User,
            Namespace::Organization(_) => RegistryOwner::Organization,
        };
        Some(FoundRegistry {
            name: name.clone(),
            owner,
            registry: self.registries.get(name)?.clone(),
        })
    }

    /// Returns whether the boxes of a namespace can be seen and changed. A namespace without a user
    /// or an organisation is always active.
    pub(super) fn is_active(&self, namespace: &Name) -> bool {
        let registry = self.registries.get(namespace);
        registry.is_none_or(|registry| registry.is_active)
    }

    /// Changes a registry and returns it.
    ///
    /// # Errors
    /// [`AccountError::UnknownRegistry`].
    pub(super) fn change_registry(
        &mut self,
        name: &Name,
        change: RegistryChange,
    ) -> Result<FoundRegistry, AccountError> {
        let now = self.clock.now();
        let registry = self.registries.get_mut(name);
        registry
            .ok_or(AccountError::UnknownRegistry)?
            .apply(change, now);
        self.registry(name).ok_or(AccountError::UnknownRegistry)
    }

    /// Removes an organisation with its memberships, and returns its registry.
    ///
    /// # Errors
    /// [`AccountError::UnknownRegistry`] and [`AccountError::RegistryOfUser`].
    pub(in crate::storage::memory) fn delete_organization(
        &mut self,
        name: &Name,
    ) -> Result<FoundRegistry, AccountError> {
        let found = self.registry(name).ok_or(AccountError::UnknownRegistry)?;
        if found.owner == RegistryOwner::User {
            return Err(AccountError::RegistryOfUser);
        }
        self.namespaces.remove(name);
        self.registries.remove(name);
        Ok(found)
    }

    /// Replaces a registry by a recorded one.
    ///
    /// # Errors
    /// [`AccountError::UnknownRegistry`].
    pub(super) fn restore_registry(
        &mut self,
        name: &Name,
        recorded: Registry,
    ) -> Result<(), AccountError> {
        let registry = self.registries.get_mut(name);
        *registry.ok_or(AccountError::UnknownRegistry)? = recorded;
        Ok(())
    }
}
