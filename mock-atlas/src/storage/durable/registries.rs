//! The namespaces of users and organisations as registries of boxes.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::accounts::{self, KIND_ORGANIZATION, KIND_ROOT};
use super::database::{Row, RowLock, Tx, values};
use super::webhooks::Telling;
use super::{boxes, quotas};
use crate::domain::{ArtifactName, BOX_TYPE, Name, Registry, RegistryChange};
use crate::storage::{AccountError, BackendError, FoundRegistry, RegistryOwner, StorageError};

/// Returns all registries, ordered by name.
///
/// # Errors
/// When the database fails.
pub(super) async fn all(tx: Tx<'_>) -> Result<Vec<FoundRegistry>, BackendError> {
    let sql = "SELECT name, kind, registry FROM namespace ORDER BY name";
    let rows = tx.rows(sql, &[]).await?;
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}

/// Returns the registries in which a user has a role, ordered by name.
///
/// # Errors
/// When the database fails.
pub(super) async fn of_user(tx: Tx<'_>, user: &Name) -> Result<Vec<FoundRegistry>, BackendError> {
    let sql = "SELECT name, kind, registry FROM namespace WHERE name IN
        (SELECT CAST($1 AS TEXT) UNION ALL SELECT organization FROM member WHERE username = $1)
        ORDER BY name";
    let rows = tx.rows(sql, &values![user]).await?;
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}

/// Returns the registry of a user or an organisation.
///
/// # Errors
/// When the database fails.
pub(super) async fn get(tx: Tx<'_>, name: &Name) -> Result<Option<FoundRegistry>, BackendError> {
    let found = tx.row(SELECT, &values![name]).await?;
    found.map(|mut row| read(&mut row)).transpose()
}

/// Selects the registry of a user or an organisation by its name.
const SELECT: &str = "SELECT name, kind, registry FROM namespace WHERE name = $1";

/// Returns the registry of a user or an organisation, and locks it.
async fn lock(tx: Tx<'_>, name: &Name) -> Result<FoundRegistry, StorageError> {
    let values = values![name];
    let found = tx.locked_row(SELECT, &values, RowLock::Exclusive).await?;
    let mut row = found.ok_or(AccountError::UnknownRegistry)?;
    Ok(read(&mut row)?)
}

fn read(row: &mut Row) -> Result<FoundRegistry, BackendError> {
    Ok(FoundRegistry {
        name: row.take()?,
        owner: match row.take::<i64>()? {
            KIND_ORGANIZATION => RegistryOwner::Organization,
            _ => RegistryOwner::User,
        },
        registry: parse(&row.take::<String>()?)?,
    })
}

fn parse(json: &str) -> Result<Registry, BackendError> {
    serde_json::from_str(json)
        .map_err(|error| BackendError::new(format!("a stored registry is damaged: {error}")))
}

/// Returns a registry as the database has it.
///
/// # Errors
/// When it cannot be written as JSON, such as a time before 1970.
pub(super) fn json(registry: &Registry) -> Result<String, BackendError> {
    serde_json::to_string(registry).map_err(|error| BackendError::new(error.to_string()))
}

/// Creates an organisation without members, and returns its registry.
///
/// # Errors
/// The [`AccountError`] of a name that is not free.
pub(super) async fn create(
    tx: Tx<'_>,
    name: &Name,
    change: RegistryChange,
    now: SystemTime,
) -> Result<FoundRegistry, StorageError> {
    accounts::add_namespace(tx, name, KIND_ORGANIZATION, [None; 2], now).await??;
    self::change(tx, name, change, now).await
}

/// Changes a registry and returns it.
///
/// # Errors
/// [`AccountError::UnknownRegistry`].
pub(super) async fn change(
    tx: Tx<'_>,
    name: &Name,
    change: RegistryChange,
    now: SystemTime,
) -> Result<FoundRegistry, StorageError> {
    let mut found = lock(tx, name).await?;
    found.registry.apply(change, now);
    save(tx, name, &found.registry).await?;
    Ok(found)
}

/// Saves the registry of a user or an organisation.
///
/// # Errors
/// When the database fails.
pub(super) async fn save(tx: Tx<'_>, name: &Name, registry: &Registry) -> Result<(), BackendError> {
    let sql = "UPDATE namespace SET registry = $1 WHERE name = $2";
    tx.execute(sql, &values![json(registry)?, name]).await?;
    Ok(())
}

/// Deletes an organisation with its memberships and its boxes, and returns its registry with the keys
/// of files that nothing names any longer.
///
/// # Errors
/// [`AccountError::UnknownRegistry`], [`AccountError::RegistryOfUser`] and
/// [`AccountError::OtherArtifacts`].
pub(super) async fn delete(
    tx: Tx<'_>,
    name: &Name,
    telling: &Telling,
) -> Result<FoundRegistry, StorageError> {
    let found = lock(tx, name).await?;
    if found.owner != RegistryOwner::Organization {
        return Err(AccountError::RegistryOfUser.into());
    }
    delete_boxes(tx, name, telling).await?;
    // It goes with its owner, and needs nothing back.
    quotas::remove(tx, name).await?;
    for sql in [
        "DELETE FROM member WHERE organization = $1",
        "DELETE FROM namespace WHERE name = $1",
    ] {
        tx.execute(sql, &values![name]).await?;
    }
    Ok(found)
}

/// Deletes the artifacts of a namespace, which must be boxes and nothing else.
async fn delete_boxes(tx: Tx<'_>, namespace: &Name, telling: &Telling) -> Result<(), StorageError> {
    let sql = "SELECT a.name, a.vagrant_box IS NOT NULL AND NOT EXISTS
        (SELECT 1 FROM artifact_type t JOIN version v ON v.type_id = t.id
        WHERE t.artifact_id = a.id AND t.name <> $1)
        FROM artifact a WHERE a.username = $2 AND a.is_deleted = 0 ORDER BY a.id";
    let mut names = Vec::new();
    for mut row in tx.rows(sql, &values![BOX_TYPE, namespace]).await? {
        names.push(ArtifactName {
            username: namespace.clone(),
            name: row.take()?,
        });
        if !row.take()? {
            return Err(AccountError::OtherArtifacts.into());
        }
    }
    for name in names {
        boxes::remove(tx, &name, telling).await?;
    }
    Ok(())
}

/// Returns the registries of all users and organisations but root.
///
/// # Errors
/// When the database fails.
pub(super) async fn record(tx: Tx<'_>) -> Result<BTreeMap<Name, Registry>, BackendError> {
    let sql = "SELECT name, registry FROM namespace WHERE kind <> $1";
    let mut registries = BTreeMap::new();
    for mut row in tx.rows(sql, &values![KIND_ROOT]).await? {
        registries.insert(row.take()?, parse(&row.take::<String>()?)?);
    }
    Ok(registries)
}
