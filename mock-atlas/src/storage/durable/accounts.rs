//! Users, organisations and tokens in a database.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::database::{Row, Tx, values};
use super::registries;
use crate::domain::{Account, Name, ROOT, Registry, Role, Scope, ScopeError};
use crate::storage::access_record::TokenRecord;
use crate::storage::access_token::AccessToken;
use crate::storage::last_use::LastUse;
use crate::storage::token::Hashed;
use crate::storage::{
    AccountError, AdditionError, Additions, BackendError, NewOrganization, NewUser, StorageError,
    Token, TokenLimits,
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

/// A token with its hash, as `token_where` finds it.
struct FoundToken {
    token: Token,
    hash: Hashed,
}

/// The beginning of a statement that finds tokens.
macro_rules! token_where {
    ($condition:literal) => {
        concat!(
            "SELECT n.name, n.kind, t.id, t.scope, t.description, t.created, t.expires, t.last_use,
                t.position, t.hash
            FROM token t JOIN namespace n ON n.name = t.username ",
            $condition
        )
    };
}

impl FoundToken {
    fn read(mut row: Row) -> Result<Self, BackendError> {
        let (account, id) = (account(&mut row)?, row.take()?);
        let scope = scope(row.take()?)?;
        Ok(Self {
            token: Token {
                id,
                account: Arc::new(account.with_token(id, scope)),
                description: row.take()?,
                created: row.take()?,
                expires: row.take()?,
                last_use: row.take::<Option<SystemTime>>()?.into(),
                order: row.take()?,
            },
            hash: row.take::<[u8; 32]>()?.into(),
        })
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
    let sql = token_where!("WHERE t.hash = $1");
    let found = tx.row(sql, &values![*hash.as_bytes()]).await?;
    found.map(FoundToken::read).transpose()
}

async fn of_access_token(
    tx: Tx<'_>,
    access: &AccessToken,
    now: SystemTime,
) -> Result<Option<FoundToken>, BackendError> {
    let sql = token_where!("WHERE t.id = $1");
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
    let sql = token_where!("WHERE t.position = $1");
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

/// Returns the scope with this text.
///
/// # Errors
/// For another text, which only another program can have written.
pub(super) fn scope(text: String) -> Result<Scope, BackendError> {
    let scope = text.parse();
    scope.map_err(|error: ScopeError| BackendError::new(error.to_string()))
}

fn account(row: &mut Row) -> Result<Account, BackendError> {
    let (name, kind) = (row.take()?, row.take::<i64>()?);
    Ok(match kind {
        KIND_ROOT => Account::root(name),
        _ => Account::user(name),
    })
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
    pub(super) limits: TokenLimits,
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
    let (id, TokenLimits { scope, expires }) = (Uuid::new_v4(), new.limits);
    let record = TokenRecord {
        id,
        hash: new.hash,
        description: new.description.clone(),
        created: new.created,
        scope: scope.clone(),
        expires,
        last_use: None,
    };
    let order = insert_token(tx, username, record).await?;
    Ok(Token {
        id,
        account: Arc::new(account.with_token(id, scope)),
        description: new.description,
        created: new.created,
        expires,
        last_use: LastUse::default(),
        order: order.ok_or(AccountError::TokenTaken)?,
    })
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
    let sql = "INSERT INTO token
            (id, hash, username, description, created, scope, expires, last_use, position)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, coalesce(max(position), 0) + 1 FROM token WHERE true
        ON CONFLICT (hash) DO NOTHING RETURNING position";
    let row = values![
        token.id,
        *token.hash.as_bytes(),
        username,
        token.description,
        token.created,
        token.scope.to_string(),
        token.expires,
        token.last_use
    ];
    let inserted = tx.row(sql, &row).await?;
    inserted.map(|mut row| row.take()).transpose()
}

/// Returns all tokens, the oldest first.
pub(super) async fn tokens(tx: Tx<'_>) -> Result<Vec<Token>, BackendError> {
    let sql = token_where!("ORDER BY t.created, t.position");
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
            limits: token.limits.clone(),
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
