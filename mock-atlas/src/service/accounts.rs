//! Authenticates tokens, logs users in, and administers tokens.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::{Dataset, ServiceError};
use crate::domain::{Account, Name};
use crate::storage::{AccountError, Login, StorageError, Token, TokenLimits};

/// The greatest number of parts of a composite token that are tried.
const MAX_PARTS: usize = 4;

/// Returns the account that a token authenticates. Of a composite token `A;B`, the first part that is
/// known counts.
///
/// # Errors
/// [`ServiceError::UnknownToken`].
// Contract: boxes.composite-token
pub(crate) async fn authenticate(
    dataset: &Dataset,
    token: &str,
) -> Result<Arc<Account>, ServiceError> {
    if let Some(account) = dataset.catalog().account_of_token(token).await? {
        return Ok(account);
    }
    for part in parts(token) {
        if let Some(account) = dataset.catalog().account_of_token(part).await? {
            return Ok(account);
        }
    }
    Err(ServiceError::UnknownToken)
}

/// Returns the parts of a composite token; nothing for another token.
fn parts(token: &str) -> impl Iterator<Item = &str> {
    let parts = token.contains(';').then(|| token.split(';'));
    parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .take(MAX_PARTS)
}

/// Creates a token for the account of a login, and returns it with its value, which cannot be read
/// again.
///
/// # Errors
/// [`ServiceError::WrongPassword`] and [`ServiceError::CodeNeeded`].
pub(crate) async fn log_in(
    dataset: &Dataset,
    login: &Login<'_>,
    description: &str,
    limits: TokenLimits,
) -> Result<(Token, String), ServiceError> {
    let made = dataset.catalog().log_in(login, description, limits).await;
    made.map_err(of_login)
}

/// Revokes a token that authenticates somebody, or the first part that is known of a composite one.
///
/// # Errors
/// [`AccountError::FirstToken`], and [`AccountError::AccessToken`], since an access token is not stored.
// Contract: boxes.logout
pub(crate) async fn log_out(dataset: &Dataset, token: &str) -> Result<(), ServiceError> {
    const UNKNOWN: StorageError = StorageError::Account(AccountError::UnknownToken);
    for part in std::iter::once(token).chain(parts(token)) {
        match dataset.catalog().log_out(part).await {
            Err(UNKNOWN) => {}
            result => return Ok(result?),
        }
    }
    Err(StorageError::Account(AccountError::AccessToken).into())
}

/// Returns whether the user with this name and password has a second factor.
///
/// # Errors
/// [`ServiceError::WrongPassword`].
pub(crate) async fn has_second_factor(
    dataset: &Dataset,
    login: &str,
    password: &str,
) -> Result<bool, ServiceError> {
    let has = dataset.catalog().has_second_factor(login, password).await;
    has.map_err(of_login)
}

/// Converts the error of a login.
fn of_login(error: StorageError) -> ServiceError {
    match error {
        StorageError::Account(AccountError::UnknownUser) => ServiceError::WrongPassword,
        StorageError::Account(AccountError::CodeNeeded) => ServiceError::CodeNeeded,
        other => other.into(),
    }
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
    limits: TokenLimits,
) -> Result<(Token, String), ServiceError> {
    let catalog = dataset.catalog();
    Ok(catalog.create_token(username, description, limits).await?)
}

/// The time for which an access token is valid.
const LIFETIME: Duration = Duration::from_secs(3600);

/// A new access token.
#[derive(Debug)]
pub(crate) struct IssuedToken {
    pub(crate) account: Arc<Account>,
    pub(crate) value: String,
    /// The time for which it is valid, unless the token that it was issued for is revoked before.
    pub(crate) lifetime: Duration,
}

/// Issues an access token for a token of a user. `client` is the id of the token, or the name of its user.
///
/// # Errors
/// [`ServiceError::WrongClient`].
// Contract: boxes-hcp.token-refused
pub(crate) async fn issue_access_token(
    dataset: &Dataset,
    client: &str,
    token: &str,
) -> Result<IssuedToken, ServiceError> {
    let catalog = dataset.catalog();
    let issued = catalog.issue_access_token(client, token, LIFETIME).await;
    let (account, value) = issued.map_err(|error| match error {
        StorageError::Account(AccountError::UnknownToken) => ServiceError::WrongClient,
        other => other.into(),
    })?;
    Ok(IssuedToken {
        account,
        value,
        lifetime: LIFETIME,
    })
}

/// The time for which a session of the pages lasts.
pub(crate) const SESSION: Duration = Duration::from_secs(12 * 3600);

/// The description of the tokens that sessions are for which began with a password.
const SESSION_TOKEN: &str = "a session of the pages";

/// Begins a session of the pages for a token, and returns its account with the access token that it has. It ends with
/// the token.
///
/// # Errors
/// [`ServiceError::UnknownToken`], also for a token that is one for a short time itself.
pub(crate) async fn begin_session(
    dataset: &Dataset,
    token: &str,
) -> Result<(Arc<Account>, String), ServiceError> {
    let account = authenticate(dataset, token).await?;
    let catalog = dataset.catalog();
    let issued = catalog.issue_access_token(account.username.as_str(), token, SESSION);
    match issued.await {
        Ok(issued) => Ok(issued),
        Err(StorageError::Account(AccountError::UnknownToken)) => Err(ServiceError::UnknownToken),
        Err(other) => Err(other.into()),
    }
}

/// Begins a session of the pages for a user and a password. Its token is void as soon as the session is over.
///
/// # Errors
/// [`ServiceError::WrongPassword`] and [`ServiceError::CodeNeeded`].
pub(crate) async fn log_in_to_session(
    dataset: &Dataset,
    login: &Login<'_>,
    now: SystemTime,
) -> Result<(Arc<Account>, String), ServiceError> {
    let limits = TokenLimits {
        expires: Some(now + SESSION),
        ..TokenLimits::default()
    };
    let (_, token) = log_in(dataset, login, SESSION_TOKEN, limits).await?;
    begin_session(dataset, &token).await
}

/// Ends a session of the pages: revokes the token that was made for it.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn end_session(dataset: &Dataset, account: &Account) -> Result<(), ServiceError> {
    let tokens = dataset.catalog().tokens().await?;
    let of_session =
        |token: &&Token| Some(token.id) == account.token() && token.description == SESSION_TOKEN;
    match tokens.iter().find(of_session) {
        Some(token) => revoke_token(dataset, token.id).await,
        None => Ok(()),
    }
}

/// Returns the signature of a path, with which everybody may read it for as long as an access token is
/// valid; `None` if there is no root token.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn sign(dataset: &Dataset, path: &str) -> Result<Option<String>, ServiceError> {
    Ok(dataset.catalog().sign(path, LIFETIME).await?)
}

/// Returns the account as which whoever has the signature of a path may read it; `None` for another
/// signature.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn by_signature(
    dataset: &Dataset,
    path: &str,
    signature: &str,
) -> Result<Option<Arc<Account>>, ServiceError> {
    let catalog = dataset.catalog();
    Ok(catalog.account_of_signature(path, signature).await?)
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
