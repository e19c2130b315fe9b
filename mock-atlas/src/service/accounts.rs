//! Authenticates tokens, logs users in, and administers tokens.

use std::sync::Arc;

use uuid::Uuid;

use super::{Dataset, ServiceError};
use crate::domain::{Account, Name};
use crate::storage::{AccountError, StorageError, Token};

/// Returns the account that a token authenticates.
///
/// # Errors
/// [`ServiceError::UnknownToken`].
pub(crate) async fn authenticate(
    dataset: &Dataset,
    token: &str,
) -> Result<Arc<Account>, ServiceError> {
    let account = dataset.catalog().account_of_token(token).await?;
    account.ok_or(ServiceError::UnknownToken)
}

/// Creates a token for the account with this name and password, and returns the token's value.
///
/// # Errors
/// [`ServiceError::WrongPassword`].
pub(crate) async fn log_in(
    dataset: &Dataset,
    login: &str,
    password: &str,
    description: &str,
) -> Result<String, ServiceError> {
    let token = dataset.catalog().log_in(login, password, description).await;
    token.map_err(|error| match error {
        StorageError::Account(AccountError::UnknownUser) => ServiceError::WrongPassword,
        other => other.into(),
    })
}

/// Creates a random token for an account, and returns it with its value, which cannot be read
/// again.
///
/// # Errors
/// [`AccountError::UnknownUser`].
pub(crate) async fn create_token(
    dataset: &Dataset,
    username: &Name,
    description: &str,
) -> Result<(Token, String), ServiceError> {
    Ok(dataset
        .catalog()
        .create_token(username, description)
        .await?)
}

/// Returns all tokens, the oldest first.
pub(crate) async fn tokens(dataset: &Dataset) -> Result<Vec<Token>, ServiceError> {
    Ok(dataset.catalog().tokens().await?)
}

/// Revokes a token.
///
/// # Errors
/// [`AccountError::UnknownToken`] and [`AccountError::FirstToken`].
pub(crate) async fn revoke_token(dataset: &Dataset, id: Uuid) -> Result<(), ServiceError> {
    Ok(dataset.catalog().revoke_token(id).await?)
}
