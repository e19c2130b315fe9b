//! Tokens in a database.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::accounts::{KIND_ORGANIZATION, KIND_ROOT, account};
use super::database::{Row, Tx, Value, values};
use super::registries;
use crate::domain::{Account, Name, ROOT, Registry, ScopeError};
use crate::storage::access_record::TokenRecord;
use crate::storage::access_token::AccessToken;
use crate::storage::token::Hashed;
use crate::storage::{AccountError, BackendError, StorageError, Token, TokenLimits};

/// The order of the root token, which comes before all others.
pub(super) const ROOT_POSITION: i64 = 0;

/// The columns of a token's record, as [`take_record`] takes them.
macro_rules! token_columns {
    () => {
        "id, hash, description, created, scope, expires, last_use"
    };
}
pub(super) use token_columns;

/// Takes the columns of a token's record.
///
/// # Errors
/// For a value that only another program can have written.
pub(super) fn take_record(row: &mut Row) -> Result<TokenRecord, BackendError> {
    Ok(TokenRecord {
        id: row.take()?,
        hash: row.take::<[u8; 32]>()?.into(),
        description: row.take()?,
        created: row.take()?,
        scope: row
            .take::<String>()?
            .parse()
            .map_err(|error: ScopeError| BackendError::new(error.to_string()))?,
        expires: row.take()?,
        last_use: row.take()?,
    })
}

/// Returns the columns of a token's record as values, and after them its user.
fn values_of(token: TokenRecord, username: &Name) -> [Value; 8] {
    values![
        token.id,
        *token.hash.as_bytes(),
        token.description,
        token.created,
        token.scope.to_string(),
        token.expires,
        token.last_use,
        username
    ]
}

/// Sets the root token. The one that is set already stays, with the access tokens that were issued for it.
///
/// # Errors
/// [`AccountError::TokenTaken`] for the token of a user.
pub(super) async fn set_root_token(
    tx: Tx<'_>,
    token: &str,
    now: SystemTime,
) -> Result<(), StorageError> {
    tx.lock_all().await?;
    let sql = "SELECT position FROM token WHERE hash = $1";
    let known = tx.row(sql, &values![*Hashed::of(token).as_bytes()]).await?;
    match known.map(|mut row| row.take::<i64>()).transpose()? {
        Some(ROOT_POSITION) => Ok(()),
        Some(_) => Err(AccountError::TokenTaken.into()),
        None => Ok(insert_root_token(tx, token, now).await?),
    }
}

/// Sets a root token that nobody has, in place of the one before.
///
/// # Errors
/// When the database fails.
pub(super) async fn insert_root_token(
    tx: Tx<'_>,
    token: &str,
    now: SystemTime,
) -> Result<(), BackendError> {
    let sql = "INSERT INTO namespace (name, kind, registry) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO NOTHING";
    let registry = registries::json(&Registry::new(now))?;
    tx.execute(sql, &values![ROOT, KIND_ROOT, registry]).await?;
    tx.end_tokens();
    let sql = "DELETE FROM token WHERE position = $1";
    tx.execute(sql, &values![ROOT_POSITION]).await?;
    let token = TokenRecord::new(Hashed::of(token), "root", now, TokenLimits::default());
    add_root_token(tx, &Name::constant(ROOT), token).await
}

/// Adds the root token, where there is none.
///
/// # Errors
/// When the database fails.
pub(super) async fn add_root_token(
    tx: Tx<'_>,
    root: &Name,
    token: TokenRecord,
) -> Result<(), BackendError> {
    let sql = concat!(
        "INSERT INTO token (",
        token_columns!(),
        ", username, position) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    let mut row = values_of(token, root).to_vec();
    row.push(ROOT_POSITION.into());
    tx.execute(sql, &row).await?;
    Ok(())
}

/// Returns whether there is a root token.
pub(super) async fn has_root_token(tx: Tx<'_>) -> Result<bool, BackendError> {
    let sql = "SELECT 1 FROM token WHERE position = $1";
    Ok(tx.row(sql, &values![ROOT_POSITION]).await?.is_some())
}

/// A token with its hash.
struct FoundToken {
    token: Token,
    hash: Hashed,
}

/// Makes a statement that finds tokens, as [`FoundToken::read`] reads them.
macro_rules! tokens_where {
    ($condition:literal) => {
        concat!(
            "SELECT n.name, n.kind, position, ",
            token_columns!(),
            " FROM token t JOIN namespace n ON n.name = t.username ",
            $condition
        )
    };
}

impl FoundToken {
    fn read(mut row: Row) -> Result<Self, BackendError> {
        let (account, order) = (account(&mut row)?, row.take()?);
        let record = take_record(&mut row)?;
        let hash = record.hash;
        let token = record.token(account, order);
        Ok(Self { token, hash })
    }
}

/// Returns the token that this text is, or that the access token was issued for, if it is not void.
///
/// # Errors
/// When the database fails.
pub(super) async fn of_token(
    tx: Tx<'_>,
    token: &str,
    now: SystemTime,
) -> Result<Option<Token>, BackendError> {
    let found = match by_hash(tx, Hashed::of(token)).await? {
        Some(found) => Some(found),
        None => match AccessToken::read(token) {
            Some(access) => of_access_token(tx, &access, now).await?,
            None => None,
        },
    };
    let token = found.map(|found| found.token);
    Ok(token.filter(|token| !token.is_expired(now)))
}

async fn by_hash(tx: Tx<'_>, hash: Hashed) -> Result<Option<FoundToken>, BackendError> {
    let sql = tokens_where!("WHERE t.hash = $1");
    let found = tx.row(sql, &values![*hash.as_bytes()]).await?;
    found.map(FoundToken::read).transpose()
}

async fn of_access_token(
    tx: Tx<'_>,
    access: &AccessToken,
    now: SystemTime,
) -> Result<Option<FoundToken>, BackendError> {
    let sql = tokens_where!("WHERE t.id = $1");
    let found = tx.row(sql, &values![access.token]).await?;
    let found = found.map(FoundToken::read).transpose()?;
    Ok(found.filter(|found| access.is_valid(found.hash, now)))
}

/// Notes the last use of a token.
///
/// # Errors
/// When the database fails.
pub(super) async fn note_use(tx: Tx<'_>, id: Uuid, now: SystemTime) -> Result<(), BackendError> {
    // Another server may have noted a later one.
    let sql = "UPDATE token SET last_use = $1 WHERE id = $2 AND coalesce(last_use, 0) < $1";
    tx.execute(sql, &values![now, id]).await?;
    Ok(())
}

/// Returns the hash of the root token, and the root account.
///
/// # Errors
/// When the database fails.
pub(super) async fn root(tx: Tx<'_>) -> Result<Option<(Hashed, Arc<Account>)>, BackendError> {
    let sql = tokens_where!("WHERE t.position = $1");
    let found = tx.row(sql, &values![ROOT_POSITION]).await?;
    let found = found.map(FoundToken::read).transpose()?;
    Ok(found.map(|found| (found.hash, found.token.account)))
}

/// Issues an access token for a token. `client` is the id of the token, or the name of its user.
///
/// # Errors
/// [`AccountError::UnknownToken`].
pub(super) async fn issue_access_token(
    tx: Tx<'_>,
    client: &str,
    token: &str,
    now: SystemTime,
    lifetime: Duration,
) -> Result<(Arc<Account>, String), StorageError> {
    let found = by_hash(tx, Hashed::of(token)).await?;
    let found = found.filter(|found| !found.token.is_expired(now));
    let FoundToken { token, hash } = found.ok_or(AccountError::UnknownToken)?;
    let is_theirs = client == token.account.username.as_str()
        || Uuid::try_parse(client).is_ok_and(|client| client == token.id);
    if !is_theirs {
        return Err(AccountError::UnknownToken.into());
    }
    let value = AccessToken::issue(token.id, hash, now + lifetime);
    Ok((token.account, value))
}

/// Creates a token for an account.
///
/// # Errors
/// [`AccountError::UnknownUser`] and [`AccountError::TokenTaken`].
pub(super) async fn create_token(
    tx: Tx<'_>,
    username: &Name,
    new: TokenRecord,
) -> Result<Token, StorageError> {
    let sql = "SELECT name, kind FROM namespace WHERE name = $1 AND kind <> $2";
    let found = tx.row(sql, &values![username, KIND_ORGANIZATION]).await?;
    let account = account(&mut found.ok_or(AccountError::UnknownUser)?)?;
    let order = insert_token(tx, username, new.clone()).await?;
    Ok(new.token(account, order.ok_or(AccountError::TokenTaken)?))
}

/// Inserts a token after all others, and returns its order; `None` where there is one of the same value.
///
/// # Errors
/// When the database fails.
pub(super) async fn insert_token(
    tx: Tx<'_>,
    username: &Name,
    token: TokenRecord,
) -> Result<Option<u64>, BackendError> {
    let sql = concat!(
        "INSERT INTO token (",
        token_columns!(),
        ", username, position)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, coalesce(max(position), 0) + 1 FROM token WHERE true
        ON CONFLICT (hash) DO NOTHING RETURNING position"
    );
    let inserted = tx.row(sql, &values_of(token, username)).await?;
    inserted.map(|mut row| row.take()).transpose()
}

/// Returns all tokens, the oldest first.
pub(super) async fn tokens(tx: Tx<'_>) -> Result<Vec<Token>, BackendError> {
    let sql = tokens_where!("ORDER BY t.created, t.position");
    let rows = tx.rows(sql, &[]).await?.into_iter();
    rows.map(|row| Ok(FoundToken::read(row)?.token)).collect()
}

/// Revokes a token.
///
/// # Errors
/// [`AccountError::UnknownToken`] and [`AccountError::FirstToken`].
pub(super) async fn revoke(tx: Tx<'_>, id: Uuid) -> Result<(), StorageError> {
    let sql = "SELECT position FROM token WHERE id = $1";
    let found = tx.row(sql, &values![id]).await?;
    let position: i64 = found.ok_or(AccountError::UnknownToken)?.take()?;
    if position == ROOT_POSITION {
        return Err(AccountError::FirstToken.into());
    }
    tx.end_tokens();
    tx.execute("DELETE FROM token WHERE id = $1", &values![id])
        .await?;
    Ok(())
}

/// Revokes the token of this hash.
///
/// # Errors
/// [`AccountError::UnknownToken`] and [`AccountError::FirstToken`].
pub(super) async fn log_out(tx: Tx<'_>, token: Hashed) -> Result<(), StorageError> {
    let sql = "SELECT id FROM token WHERE hash = $1";
    let found = tx.row(sql, &values![*token.as_bytes()]).await?;
    let id = found.ok_or(AccountError::UnknownToken)?.take()?;
    revoke(tx, id).await
}
