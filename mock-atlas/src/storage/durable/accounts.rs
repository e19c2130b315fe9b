//! Users, organisations and tokens in a database.

use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use super::database::{Row, Tx, values};
use super::registries;
use crate::domain::{Account, Name, ROOT, Registry, Role};
use crate::storage::access_token::AccessToken;
use crate::storage::token::Hashed;
use crate::storage::{
    AccountError, AdditionError, Additions, BackendError, NewOrganization, NewUser, StorageError,
    Token,
};

/// The kinds of namespaces, as the database has them.
pub(super) const KIND_ROOT: i64 = 0;
pub(super) const KIND_USER: i64 = 1;
pub(super) const KIND_ORGANIZATION: i64 = 2;

/// The order of the root token, which comes before all others.
pub(super) const ROOT_POSITION: i64 = 0;

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
    let sql = "DELETE FROM token WHERE position = $1";
    tx.execute(sql, &values![ROOT_POSITION]).await?;
    let sql = "INSERT INTO token (id, hash, username, description, created, position)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let row = values![
        Uuid::new_v4(),
        *Hashed::of(token).as_bytes(),
        ROOT,
        "root",
        now,
        ROOT_POSITION
    ];
    tx.execute(sql, &row).await?;
    Ok(())
}

/// Returns whether there is a root token.
pub(super) async fn has_root_token(tx: Tx<'_>) -> Result<bool, BackendError> {
    let sql = "SELECT 1 FROM token WHERE position = $1";
    Ok(tx.row(sql, &values![ROOT_POSITION]).await?.is_some())
}

/// Returns the account that a token or an access token authenticates.
///
/// # Errors
/// When the database fails.
pub(super) async fn of_token(
    tx: Tx<'_>,
    token: &str,
    now: SystemTime,
) -> Result<Option<Arc<Account>>, BackendError> {
    let sql = "SELECT n.name, n.kind FROM token t JOIN namespace n ON n.name = t.username
        WHERE t.hash = $1";
    let found = tx.row(sql, &values![*Hashed::of(token).as_bytes()]).await?;
    match (found, AccessToken::read(token)) {
        (Some(mut row), _) => Ok(Some(account(&mut row)?)),
        (None, Some(access)) => of_access_token(tx, &access, now).await,
        (None, None) => Ok(None),
    }
}

async fn of_access_token(
    tx: Tx<'_>,
    access: &AccessToken,
    now: SystemTime,
) -> Result<Option<Arc<Account>>, BackendError> {
    let sql = "SELECT n.name, n.kind, t.hash FROM token t JOIN namespace n ON n.name = t.username
        WHERE t.id = $1";
    let Some(mut row) = tx.row(sql, &values![access.token]).await? else {
        return Ok(None);
    };
    let account = account(&mut row)?;
    let hash: [u8; 32] = row.take()?;
    Ok(access.is_valid(hash.into(), now).then_some(account))
}

/// Returns the hash of the root token, and the root account.
///
/// # Errors
/// When the database fails.
pub(super) async fn root(tx: Tx<'_>) -> Result<Option<(Hashed, Arc<Account>)>, BackendError> {
    let sql = "SELECT n.name, n.kind, t.hash FROM token t JOIN namespace n ON n.name = t.username
        WHERE t.position = $1";
    let Some(mut row) = tx.row(sql, &values![ROOT_POSITION]).await? else {
        return Ok(None);
    };
    let account = account(&mut row)?;
    Ok(Some((row.take::<[u8; 32]>()?.into(), account)))
}

/// Issues an access token for a token. `client` is the id of the token, or the name of its user.
///
/// # Errors
/// [`AccountError::UnknownToken`].
pub(super) async fn issue_access_token(
    tx: Tx<'_>,
    client: &str,
    token: &str,
    expires: SystemTime,
) -> Result<(Arc<Account>, String), StorageError> {
    let hash = Hashed::of(token);
    let sql = "SELECT n.name, n.kind, t.id FROM token t JOIN namespace n ON n.name = t.username
        WHERE t.hash = $1";
    let found = tx.row(sql, &values![*hash.as_bytes()]).await?;
    let mut row = found.ok_or(AccountError::UnknownToken)?;
    let (account, id) = (account(&mut row)?, row.take()?);
    let is_theirs = client == account.username.as_str()
        || Uuid::try_parse(client).is_ok_and(|client| client == id);
    if !is_theirs {
        return Err(AccountError::UnknownToken.into());
    }
    Ok((account, AccessToken::issue(id, hash, expires)))
}

fn account(row: &mut Row) -> Result<Arc<Account>, BackendError> {
    let (name, kind) = (row.take()?, row.take::<i64>()?);
    Ok(Arc::new(match kind {
        KIND_ROOT => Account::root(name),
        _ => Account::user(name),
    }))
}

/// The hashed secrets with which a user logs in.
#[derive(Clone, Debug)]
pub(super) struct HashedLogin {
    pub(super) name: String,
    pub(super) password: Hashed,
    /// The code of the second factor.
    pub(super) code: Option<Hashed>,
}

/// Creates a token for the account of a login.
///
/// # Errors
/// [`AccountError::UnknownUser`] and [`AccountError::CodeNeeded`].
pub(super) async fn log_in(
    tx: Tx<'_>,
    login: &HashedLogin,
    new: NewTokenRow,
) -> Result<Token, StorageError> {
    let (name, two_factor) = by_password(tx, &login.name, login.password).await?;
    match (two_factor, login.code) {
        (Some(_), None) => Err(AccountError::CodeNeeded.into()),
        (Some(code), Some(offered)) if code != offered => Err(AccountError::UnknownUser.into()),
        _ => create_token(tx, &name, new).await,
    }
}

/// Returns the user with this name and password, and the code of the second factor.
///
/// # Errors
/// [`AccountError::UnknownUser`].
pub(super) async fn by_password(
    tx: Tx<'_>,
    login: &str,
    password: Hashed,
) -> Result<(Name, Option<Hashed>), StorageError> {
    let sql = "SELECT name, password, two_factor FROM namespace WHERE name = $1 AND kind <> $2";
    let found = tx.row(sql, &values![login, KIND_ORGANIZATION]).await?;
    let mut row = found.ok_or(AccountError::UnknownUser)?;
    let (name, known): (Name, Option<[u8; 32]>) = (row.take()?, row.take()?);
    if known.map(Hashed::from) != Some(password) {
        return Err(AccountError::UnknownUser.into());
    }
    let two_factor: Option<[u8; 32]> = row.take()?;
    Ok((name, two_factor.map(Hashed::from)))
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

/// A new token, without its owner.
#[derive(Clone, Debug)]
pub(super) struct NewTokenRow {
    pub(super) hash: Hashed,
    pub(super) description: String,
    pub(super) created: SystemTime,
}

/// Creates a token for an account.
///
/// # Errors
/// [`AccountError::UnknownUser`] and [`AccountError::TokenTaken`].
pub(super) async fn create_token(
    tx: Tx<'_>,
    username: &Name,
    new: NewTokenRow,
) -> Result<Token, StorageError> {
    let sql = "SELECT name, kind FROM namespace WHERE name = $1 AND kind <> $2";
    let found = tx.row(sql, &values![username, KIND_ORGANIZATION]).await?;
    let account = account(&mut found.ok_or(AccountError::UnknownUser)?)?;
    let id = Uuid::new_v4();
    let sql = "INSERT INTO token (id, hash, username, description, created, position)
        SELECT $1, $2, $3, $4, $5, coalesce(max(position), 0) + 1 FROM token WHERE true
        ON CONFLICT (hash) DO NOTHING RETURNING position";
    let row = values![
        id,
        *new.hash.as_bytes(),
        username,
        new.description.clone(),
        new.created
    ];
    let inserted = tx.row(sql, &row).await?;
    Ok(Token {
        id,
        account,
        description: new.description,
        created: new.created,
        order: inserted.ok_or(AccountError::TokenTaken)?.take()?,
    })
}

/// Returns all tokens, the oldest first.
pub(super) async fn tokens(tx: Tx<'_>) -> Result<Vec<Token>, BackendError> {
    let sql = "SELECT n.name, n.kind, t.id, t.description, t.created, t.position
        FROM token t JOIN namespace n ON n.name = t.username ORDER BY t.created, t.position";
    let mut tokens = Vec::new();
    for mut row in tx.rows(sql, &[]).await? {
        tokens.push(Token {
            account: account(&mut row)?,
            id: row.take()?,
            description: row.take()?,
            created: row.take()?,
            order: row.take()?,
        });
    }
    Ok(tokens)
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
    tx.execute("DELETE FROM token WHERE id = $1", &values![id])
        .await?;
    Ok(())
}

/// Returns the role that a user has as a member of an organisation.
// Contract: silent.roles
pub(super) async fn membership(
    tx: Tx<'_>,
    username: &Name,
    organization: &Name,
) -> Result<Option<Role>, BackendError> {
    let sql = "SELECT role FROM member WHERE organization = $1 AND username = $2";
    let found = tx.row(sql, &values![organization, username]).await?;
    found.map(|mut row| Ok(role(row.take()?))).transpose()
}

pub(super) fn role(number: i64) -> Role {
    match number {
        0 => Role::Read,
        1 => Role::Write,
        _ => Role::Admin,
    }
}

fn role_number(role: Role) -> i64 {
    match role {
        Role::Read => 0,
        Role::Write => 1,
        Role::Admin => 2,
    }
}

/// Adds users and organisations.
///
/// # Errors
/// The error of the first addition that fails.
pub(super) async fn add(
    tx: Tx<'_>,
    additions: &Additions,
    now: SystemTime,
) -> Result<(), AdditionError> {
    for (at, user) in additions.users.iter().enumerate() {
        add_user(tx, at, user, now).await?;
    }
    for (at, organization) in additions.organizations.iter().enumerate() {
        add_organization(tx, at, organization, now).await?;
    }
    Ok(())
}

async fn add_user(
    tx: Tx<'_>,
    at: usize,
    user: &NewUser,
    now: SystemTime,
) -> Result<(), AdditionError> {
    let failed = |error| AdditionError::User(at, user.username.clone(), error);
    let secrets = [user.password, user.two_factor];
    add_namespace(tx, &user.username, KIND_USER, secrets, now)
        .await?
        .map_err(failed)?;
    for (of, token) in user.tokens.iter().enumerate() {
        let new = NewTokenRow {
            hash: token.hash,
            description: token.description.clone(),
            created: now,
        };
        match create_token(tx, &user.username, new).await {
            Ok(_) => {}
            Err(StorageError::Account(error)) => return Err(AdditionError::Token(at, of, error)),
            Err(error) => return Err(unexpected(error)),
        }
    }
    Ok(())
}

async fn add_organization(
    tx: Tx<'_>,
    at: usize,
    organization: &NewOrganization,
    now: SystemTime,
) -> Result<(), AdditionError> {
    let name = &organization.name;
    add_namespace(tx, name, KIND_ORGANIZATION, [None; 2], now)
        .await?
        .map_err(|error| AdditionError::Organization(at, name.clone(), error))?;
    for (of, (member, role)) in organization.members.iter().enumerate() {
        add_member(tx, name, member, *role)
            .await?
            .map_err(|error| AdditionError::Member(at, of, member.clone(), error))?;
    }
    Ok(())
}

/// Adds a user or an organisation, with the password and the code of the second factor.
pub(super) async fn add_namespace(
    tx: Tx<'_>,
    name: &Name,
    kind: i64,
    secrets: [Option<Hashed>; 2],
    now: SystemTime,
) -> Result<Result<(), AccountError>, BackendError> {
    if let Err(error) = AccountError::check_name(name) {
        return Ok(Err(error));
    }
    let [password, two_factor] = secrets.map(|secret| secret.map(|secret| *secret.as_bytes()));
    let sql = "INSERT INTO namespace (name, kind, password, two_factor, registry)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING";
    let registry = registries::json(&Registry::new(now))?;
    let row = values![name, kind, password, two_factor, registry];
    Ok(match tx.execute(sql, &row).await? {
        0 => Err(AccountError::NameTaken),
        _ => Ok(()),
    })
}

pub(super) async fn add_member(
    tx: Tx<'_>,
    organization: &Name,
    username: &Name,
    role: Role,
) -> Result<Result<(), AccountError>, BackendError> {
    let sql = "SELECT 1 FROM namespace WHERE name = $1 AND kind <> $2";
    let known = tx.row(sql, &values![username, KIND_ORGANIZATION]).await?;
    if known.is_none() {
        return Ok(Err(AccountError::UnknownUser));
    }
    let sql = "INSERT INTO member (organization, username, role) VALUES ($1, $2, $3)
        ON CONFLICT (organization, username) DO NOTHING";
    let row = values![organization, username, role_number(role)];
    Ok(match tx.execute(sql, &row).await? {
        0 => Err(AccountError::MemberTwice),
        _ => Ok(()),
    })
}

fn unexpected(error: StorageError) -> AdditionError {
    AdditionError::Backend(match error {
        StorageError::Backend(error) => error,
        other => BackendError::new(other.to_string()),
    })
}
