//! Accounts: who a token stands for, and making, listing and revoking tokens.

use std::sync::Arc;

use uuid::Uuid;

use super::{Dataset, ServiceError};
use crate::domain::{Account, Name};
use crate::storage::{AccountError, StorageError, Token};

/// Returns the account that a token stands for.
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

/// Makes a new token for the account with this name and password, and returns its value.
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

/// Makes a new random token for an account, and returns its value, too, which cannot be had again.
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

/// Takes a token out of use.
///
/// # Errors
/// [`AccountError::UnknownToken`] and [`AccountError::FirstToken`].
pub(crate) async fn revoke_token(dataset: &Dataset, id: Uuid) -> Result<(), ServiceError> {
    Ok(dataset.catalog().revoke_token(id).await?)
}
