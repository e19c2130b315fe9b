//! The operations of a catalog on accounts and tokens, and on the audit.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::Catalog;
use crate::domain::{Account, AuditEntry, AuditQuery, Name, NumberedEntry, Role};
use crate::storage::{Login, StorageError, Token, TokenLimits};

/// The audit.
impl Catalog {
    /// Records an entry. It is kept soon, and at the latest when the catalog is closed; in memory, the oldest
    /// make room.
    pub(crate) fn record(&self, entry: AuditEntry) {
        match self {
            Self::Memory(memory) => memory.record(entry),
            Self::Durable(durable) => durable.record(entry),
        }
    }

    /// Returns the entries that a query chooses, the oldest first.
    pub(crate) async fn audit(
        &self,
        query: AuditQuery,
    ) -> Result<Vec<NumberedEntry>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.audit(&query)),
            Self::Durable(durable) => durable.audit(query).await,
        }
    }
}

impl Catalog {
    /// Returns the account that a token authenticates.
    pub(crate) async fn account_of_token(
        &self,
        token: &str,
    ) -> Result<Option<Arc<Account>>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.account_of_token(token)),
            Self::Durable(durable) => durable.account_of_token(token).await,
        }
    }

    /// Creates a new token for the account of a login, and returns it with its value, which cannot be
    /// read again.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`](crate::storage::AccountError::UnknownUser) where no such account exists
    /// or the password or the code is wrong, and
    /// [`AccountError::CodeNeeded`](crate::storage::AccountError::CodeNeeded).
    pub(crate) async fn log_in(
        &self,
        login: &Login<'_>,
        description: &str,
        limits: TokenLimits,
    ) -> Result<(Token, String), StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.log_in(login, description, limits)?),
            Self::Durable(durable) => durable.log_in(login, description, limits).await,
        }
    }

    /// Revokes the token with this value.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`](crate::storage::AccountError::UnknownToken) and
    /// [`AccountError::FirstToken`](crate::storage::AccountError::FirstToken).
    pub(crate) async fn log_out(&self, token: &str) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.log_out(token)?),
            Self::Durable(durable) => durable.log_out(token).await,
        }
    }

    /// Returns whether the user with this name and password has a second factor.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`](crate::storage::AccountError::UnknownUser).
    pub(crate) async fn has_second_factor(
        &self,
        login: &str,
        password: &str,
    ) -> Result<bool, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.has_second_factor(login, password)?),
            Self::Durable(durable) => durable.has_second_factor(login, password).await,
        }
    }

    /// Creates a random token for an account, and returns it with its value, which cannot be read
    /// again.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`](crate::storage::AccountError::UnknownUser).
    pub(crate) async fn create_token(
        &self,
        username: &Name,
        description: &str,
        limits: TokenLimits,
    ) -> Result<(Token, String), StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.create_token(username, description, limits)?),
            Self::Durable(durable) => durable.create_token(username, description, limits).await,
        }
    }

    /// Issues an access token for a token, and returns it with the account that it authenticates
    /// during `lifetime`. `client` is the id of the token, or the name of its user.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`](crate::storage::AccountError::UnknownToken) where no such token exists,
    /// or it belongs to another client.
    pub(crate) async fn issue_access_token(
        &self,
        client: &str,
        token: &str,
        lifetime: Duration,
    ) -> Result<(Arc<Account>, String), StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.issue_access_token(client, token, lifetime)?),
            Self::Durable(durable) => durable.issue_access_token(client, token, lifetime).await,
        }
    }

    /// Returns the signature of a path, with which everybody may read it during `lifetime`; `None` if
    /// there is no root token.
    pub(crate) async fn sign(
        &self,
        path: &str,
        lifetime: Duration,
    ) -> Result<Option<String>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.sign(path, lifetime)),
            Self::Durable(durable) => durable.sign(path, lifetime).await,
        }
    }

    /// Returns the account as which whoever has the signature of a path may read it; `None` for another
    /// signature.
    pub(crate) async fn account_of_signature(
        &self,
        path: &str,
        signature: &str,
    ) -> Result<Option<Arc<Account>>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.account_of_signature(path, signature)),
            Self::Durable(durable) => durable.account_of_signature(path, signature).await,
        }
    }

    /// Returns a proof that a text was made here: wherever the root token is another, the proof is, too.
    pub(crate) async fn prove(&self, text: &str) -> Result<blake3::Hash, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.prove(text)),
            Self::Durable(durable) => durable.prove(text).await,
        }
    }

    /// Returns all tokens, the oldest first.
    pub(crate) async fn tokens(&self) -> Result<Vec<Token>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.tokens()),
            Self::Durable(durable) => durable.tokens().await,
        }
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`](crate::storage::AccountError::UnknownToken) and
    /// [`AccountError::FirstToken`](crate::storage::AccountError::FirstToken).
    pub(crate) async fn revoke_token(&self, id: Uuid) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.revoke_token(id)?),
            Self::Durable(durable) => durable.revoke_token(id).await,
        }
    }

    /// Returns the role of an account in a namespace.
    pub(crate) async fn role(
        &self,
        account: &Account,
        namespace: &Name,
    ) -> Result<Option<Role>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.role(account, namespace)),
            Self::Durable(durable) => durable.role(account, namespace).await,
        }
    }
}
