//! Accounts, organisations and tokens in memory.
//!
//! - `tables`: the users, the organisations with their members, and the tokens
//! - `registries`: the namespaces as registries of boxes
//! - `record`: the tables without root, as serializable values

mod record;
mod registries;
mod tables;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use uuid::Uuid;

use crate::domain::{Account, Name, RegistryChange, Role};
use crate::storage::token::Hashed;
use crate::storage::{AccountError, FoundRegistry, Login, Token, TokenLimits, random_token};
pub(crate) use tables::AccountTables;

/// The current tables behind a lock. Code that takes both locks takes this one before the lock
/// of the artifacts.
#[derive(Debug)]
pub(super) struct Accounts(RwLock<AccountTables>);

impl Accounts {
    pub(super) fn new(tables: AccountTables) -> Self {
        Self(RwLock::new(tables))
    }

    /// Applies a change completely or, if it fails, not at all. The lock hides a partial change
    /// from readers.
    pub(super) fn change<T, E>(
        &self,
        change: impl FnOnce(&mut AccountTables) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut tables = self.write();
        let mut changed = tables.clone();
        let made = change(&mut changed)?;
        *tables = changed;
        Ok(made)
    }

    pub(super) fn by_token(&self, token: &str) -> Option<Arc<Account>> {
        self.read().by_token(token)
    }

    pub(super) fn log_in(
        &self,
        login: &Login<'_>,
        description: &str,
        limits: TokenLimits,
    ) -> Result<(Token, String), AccountError> {
        let account = self.read().by_login(login)?;
        self.create_token(&account.username, description, limits)
    }

    pub(super) fn log_out(&self, token: &str) -> Result<(), AccountError> {
        let mut tables = self.write();
        let id = tables.token_id(token).ok_or(AccountError::UnknownToken)?;
        tables.revoke(id)
    }

    pub(super) fn has_second_factor(
        &self,
        login: &str,
        password: &str,
    ) -> Result<bool, AccountError> {
        Ok(self
            .read()
            .by_password(login, password)?
            .two_factor
            .is_some())
    }

    pub(super) fn create_token(
        &self,
        username: &Name,
        description: &str,
        limits: TokenLimits,
    ) -> Result<(Token, String), AccountError> {
        let value = random_token().ok_or(AccountError::Randomness)?;
        let hash = Hashed::of(&value);
        let mut tables = self.write();
        limits.check(tables.clock.now())?;
        let token = tables.add_token(username, hash, description, limits)?;
        Ok((token, value))
    }

    pub(super) fn tokens(&self) -> Vec<Token> {
        self.read().tokens()
    }

    pub(super) fn revoke(&self, id: Uuid) -> Result<(), AccountError> {
        self.write().revoke(id)
    }

    pub(super) fn role(&self, account: &Account, namespace: &Name) -> Option<Role> {
        self.read().role(account, namespace)
    }

    pub(super) fn issue_access_token(
        &self,
        client: &str,
        token: &str,
        lifetime: Duration,
    ) -> Result<(Arc<Account>, String), AccountError> {
        self.read().issue_access_token(client, token, lifetime)
    }

    pub(super) fn prove(&self, text: &str) -> blake3::Hash {
        self.read().prove(text)
    }

    pub(super) fn sign(&self, path: &str, lifetime: Duration) -> Option<String> {
        self.read().sign(path, lifetime)
    }

    pub(super) fn by_signature(&self, path: &str, signature: &str) -> Option<Arc<Account>> {
        self.read().by_signature(path, signature)
    }

    pub(super) fn registries_of(&self, account: &Account) -> Vec<FoundRegistry> {
        self.read().registries_of(account)
    }

    pub(super) fn registry(&self, name: &Name) -> Option<FoundRegistry> {
        self.read().registry(name)
    }

    pub(super) fn is_active(&self, namespace: &Name) -> bool {
        self.read().is_active(namespace)
    }

    pub(super) fn create_registry(
        &self,
        name: &Name,
        change: RegistryChange,
    ) -> Result<FoundRegistry, AccountError> {
        let mut tables = self.write();
        tables.add_organization(name)?;
        tables.change_registry(name, change)
    }

    pub(super) fn change_registry(
        &self,
        name: &Name,
        change: RegistryChange,
    ) -> Result<FoundRegistry, AccountError> {
        self.write().change_registry(name, change)
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, AccountTables> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, AccountTables> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
