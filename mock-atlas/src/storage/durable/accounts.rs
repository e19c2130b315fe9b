//! Users and organisations in a database.

use std::time::SystemTime;

use super::database::{Row, Tx, values};
use super::registries;
use super::tokens::create_token;
use crate::domain::{Account, Name, Registry, Role};
use crate::storage::access_record::TokenRecord;
use crate::storage::token::Hashed;
use crate::storage::{
    AccountError, AdditionError, Additions, BackendError, NewOrganization, NewUser, StorageError,
    Token,
};

/// The kinds of namespaces, as the database has them.
pub(super) const KIND_ROOT: i64 = 0;
pub(super) const KIND_USER: i64 = 1;
pub(super) const KIND_ORGANIZATION: i64 = 2;

/// Takes an account: its name and its kind.
pub(super) fn account(row: &mut Row) -> Result<Account, BackendError> {
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
    new: TokenRecord,
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
        let new = TokenRecord::new(token.hash, &token.description, now, token.limits.clone());
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
