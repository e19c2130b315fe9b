//! Accounts, organisations and tokens in memory.
//!
//! - `directory`: the users, the organisations with their members, and the tokens
//! - `record`: the directory without root, as serializable values

mod directory;
mod record;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use uuid::Uuid;

use crate::domain::{Account, Name, Role};
use crate::storage::token::Hashed;
use crate::storage::{AccountError, Token, random_token};
pub(crate) use directory::Directory;
pub(crate) use record::AccessRecord;

/// The current directory behind a lock. Code that takes both locks takes this one before the lock
/// of the artifacts.
#[derive(Debug)]
pub(super) struct Accounts(RwLock<Directory>);

impl Accounts {
    pub(super) fn new(directory: Directory) -> Self {
        Self(RwLock::new(directory))
    }

    /// Applies a change completely or, if it fails, not at all. The lock hides a partial change
    /// from readers.
    pub(super) fn change<T, E>(
        &self,
        change: impl FnOnce(&mut Directory) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut directory = self.write();
        let mut changed = directory.clone();
        let made = change(&mut changed)?;
        *directory = changed;
        Ok(made)
    }

    pub(super) fn by_token(&self, token: &str) -> Option<Arc<Account>> {
        self.read().by_token(token)
    }

    pub(super) fn log_in(
        &self,
        login: &str,
        password: &str,
        description: &str,
    ) -> Result<String, AccountError> {
        let account = self
            .read()
            .by_password(login, password)
            .ok_or(AccountError::UnknownUser)?;
        Ok(self.create_token(&account.username, description)?.1)
    }

    pub(super) fn create_token(
        &self,
        username: &Name,
        description: &str,
    ) -> Result<(Token, String), AccountError> {
        let value = random_token().ok_or(AccountError::Randomness)?;
        let hash = Hashed::of(&value);
        let token = self.write().add_token(username, hash, description)?;
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

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Directory> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Directory> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
