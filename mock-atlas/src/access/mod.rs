//! Who a caller is, and what they may see and write. Knows nothing of HTTP.
//!
//! - `directory`: the users, the organisations with their members, and the tokens
//! - `record`: all of it but root, as values to be kept elsewhere
//! - `token`: tokens and passwords, as they are kept

mod directory;
mod record;
mod token;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use directory::{Directory, Refusal};
pub(crate) use record::AccessRecord;
pub(crate) use token::{Token, random_token};

use crate::names::{ArtifactName, Name};
use crate::store::Visibility;
use token::Hashed;

/// The name under which the one token that may do everything is known.
pub(crate) const ROOT: &str = "atlas";

/// Somebody who can be known by a token.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) username: Name,
    password: Option<Hashed>,
    reach: Reach,
}

/// How far an account reaches without being a member anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Everything,
    OwnNamespace,
}

/// What a member may do in an organisation. Each may do what the one before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Sees the organisation's private artifacts.
    Read,
    /// Makes artifacts and versions too.
    Write,
    /// The same: no call of today's API asks for more.
    Admin,
}

/// Who made a request.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Anonymous,
    Known(Arc<Account>),
}

impl Account {
    /// Whether this is the account that may do everything.
    pub(crate) fn is_root(&self) -> bool {
        self.reach == Reach::Everything
    }
}

/// The accounts, the organisations and the tokens, as they are now.
#[derive(Debug)]
pub(crate) struct Access(RwLock<Directory>);

impl Access {
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
    /// [`Refusal::UnknownUser`] where there is no such account, or the password is another.
    pub(crate) fn log_in(
        &self,
        login: &str,
        password: &str,
        description: &str,
    ) -> Result<String, Refusal> {
        let account = self
            .directory()
            .by_password(login, password)
            .ok_or(Refusal::UnknownUser)?;
        Ok(self.make_token(&account.username, description)?.1)
    }

    /// A new random token for an account, and its value, which cannot be had again.
    ///
    /// # Errors
    /// [`Refusal::UnknownUser`], and [`Refusal::Randomness`].
    pub(crate) fn make_token(
        &self,
        username: &Name,
        description: &str,
    ) -> Result<(Token, String), Refusal> {
        let value = random_token().ok_or(Refusal::Randomness)?;
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
    /// [`Refusal::UnknownToken`], and [`Refusal::FirstToken`].
    pub(crate) fn revoke(&self, id: Uuid) -> Result<(), Refusal> {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .revoke(id)
    }

    /// Whether a caller may read an artifact of this visibility.
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
