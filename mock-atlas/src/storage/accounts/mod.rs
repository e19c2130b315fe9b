//! Who a caller is, and what they may see and write. Knows nothing of HTTP.
//!
//! - `directory`: the users, the organisations with their members, and the tokens
//! - `record`: all of it but root, as values to be kept elsewhere
//! - `token`: tokens and passwords, as they are kept

mod directory;
mod record;
mod token;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use uuid::Uuid;

pub(crate) use directory::{AccountError, Directory};
pub(crate) use record::AccessRecord;
pub(crate) use token::{Token, random_token};

use crate::domain::{Account, ArtifactName, Caller, Name, Role, Visibility};

/// The accounts, the organisations and the tokens, as they are now.
#[derive(Debug)]
pub(crate) struct Accounts(RwLock<Directory>);

impl Accounts {
    pub(crate) fn new(directory: Directory) -> Self {
        Self(RwLock::new(directory))
    }

    /// The accounts and tokens as they are now, and what else is to be had at the same moment: no
    /// change is made in between.
    pub(crate) fn copy_with<T>(&self, also: impl FnOnce() -> T) -> (Directory, T) {
        let directory = self.directory();
        (directory.clone(), also())
    }

    /// Makes all of a change, or nothing of it where it fails. Nobody sees it half made.
    pub(crate) fn change<T, E>(
        &self,
        change: impl FnOnce(&mut Directory) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut directory = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = directory.clone();
        let made = change(&mut changed)?;
        *directory = changed;
        Ok(made)
    }

    /// The account that a token stands for.
    pub(crate) fn by_token(&self, token: &str) -> Option<Arc<Account>> {
        self.directory().by_token(token)
    }

    /// A new token for the account with this name and password.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`] where there is no such account, or the password is another.
    pub(crate) fn log_in(
        &self,
        login: &str,
        password: &str,
        description: &str,
    ) -> Result<String, AccountError> {
        let account = self
            .directory()
            .by_password(login, password)
            .ok_or(AccountError::UnknownUser)?;
        Ok(self.make_token(&account.username, description)?.1)
    }

    /// A new random token for an account, and its value, which cannot be had again.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`], and [`AccountError::Randomness`].
    pub(crate) fn make_token(
        &self,
        username: &Name,
        description: &str,
    ) -> Result<(Token, String), AccountError> {
        let value = random_token().ok_or(AccountError::Randomness)?;
        let token = self
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .add_token(username, &value, description)?;
        Ok((token, value))
    }

    /// All tokens, the oldest first.
    pub(crate) fn tokens(&self) -> Vec<Token> {
        self.directory().tokens()
    }

    /// Takes a token out of use.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`], and [`AccountError::FirstToken`].
    pub(crate) fn revoke(&self, id: Uuid) -> Result<(), AccountError> {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .revoke(id)
    }

    /// Whether a caller may read an artifact of this visibility.
    // Contract: auth.no-token-reads, auth.public-search, auth.public-download
    pub(crate) fn may_read(
        &self,
        caller: &Caller,
        artifact: &ArtifactName,
        visibility: Visibility,
    ) -> bool {
        visibility == Visibility::Public
            || match caller {
                Caller::Anonymous => false,
                Caller::Known(account) => {
                    self.directory().role(account, &artifact.username).is_some()
                }
            }
    }

    /// Whether an account may make artifacts and versions below a username.
    pub(crate) fn may_write(&self, account: &Account, namespace: &Name) -> bool {
        self.directory().role(account, namespace) >= Some(Role::Write)
    }

    fn directory(&self) -> RwLockReadGuard<'_, Directory> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
