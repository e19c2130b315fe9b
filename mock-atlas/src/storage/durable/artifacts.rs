//! Artifacts in a database.

use super::database::{Row, RowLock, Tx, values};
use super::files::delete_unnamed;
use super::webhooks::{self, Telling};
use super::{boxes, channels, quotas, versions};
use crate::domain::{ArtifactName, EventKind, ReadAccess, Subject, Visibility};
use crate::storage::{AccountError, BackendError, StorageError};

/// An artifact's row.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArtifactRow {
    pub(super) id: i64,
    pub(super) visibility: Visibility,
}

/// Creates an artifact without versions. The numbers of a deleted artifact of this name go on.
///
/// # Errors
/// [`StorageError::NameTaken`] and [`AccountError::NameReserved`].
// Contract: artifacts.taken
pub(super) async fn create(
    tx: Tx<'_>,
    name: &ArtifactName,
    visibility: Visibility,
) -> Result<ArtifactRow, StorageError> {
    AccountError::check_reserved(&name.username)?;
    let sql = "INSERT INTO artifact (username, name, is_public, is_deleted) VALUES ($1, $2, $3, 0)
        ON CONFLICT (username, name) DO UPDATE SET is_public = excluded.is_public, is_deleted = 0
        WHERE artifact.is_deleted = 1 RETURNING id";
    let is_public = visibility == Visibility::Public;
    let made = tx
        .row(sql, &values![&name.username, &name.name, is_public])
        .await?;
    let id = made.ok_or(StorageError::NameTaken)?.take()?;
    Ok(ArtifactRow { id, visibility })
}

/// Selects an artifact that is not deleted, by username and name.
const SELECT: &str = "SELECT id, is_public FROM artifact
    WHERE username = $1 AND name = $2 AND is_deleted = 0";

fn read(row: Option<Row>) -> Result<Option<ArtifactRow>, BackendError> {
    let Some(mut row) = row else {
        return Ok(None);
    };
    Ok(Some(ArtifactRow {
        id: row.take()?,
        visibility: visibility(row.take()?),
    }))
}

/// Returns an artifact, if `access` allows it.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn find(
    tx: Tx<'_>,
    name: &ArtifactName,
    access: ReadAccess,
) -> Result<ArtifactRow, StorageError> {
    let values = values![&name.username, &name.name];
    match read(tx.row(SELECT, &values).await?)? {
        Some(artifact) if access.allows(artifact.visibility) => Ok(artifact),
        _ => Err(StorageError::NotFound),
    }
}

/// Returns an artifact and locks it, as each operation does first that changes what the artifact has; `None`
/// if there is none of this name.
///
/// # Errors
/// When the database fails.
pub(super) async fn get_locked(
    tx: Tx<'_>,
    name: &ArtifactName,
    lock: RowLock,
) -> Result<Option<ArtifactRow>, BackendError> {
    let values = values![&name.username, &name.name];
    read(tx.locked_row(SELECT, &values, lock).await?)
}

/// Returns an artifact and locks it exclusively.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn lock(tx: Tx<'_>, name: &ArtifactName) -> Result<ArtifactRow, StorageError> {
    let found = get_locked(tx, name, RowLock::Exclusive).await?;
    found.ok_or(StorageError::NotFound)
}

/// Deletes an artifact with its box and all its versions.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn delete(
    tx: Tx<'_>,
    name: &ArtifactName,
    telling: &Telling,
) -> Result<(), StorageError> {
    let artifact = lock(tx, name).await?;
    if webhooks::are_there(tx).await? {
        let subject = Subject::of_artifact(name, telling.by());
        webhooks::tell(tx, telling, EventKind::ArtifactDeleted, subject).await?;
        if boxes::read(tx, artifact).await?.is_some() {
            boxes::tell_deleted(tx, name, telling).await?;
        }
    }
    let mut files = boxes::delete_uploads(tx, artifact.id).await?;
    let types = "SELECT id FROM artifact_type WHERE artifact_id = $1";
    for mut row in tx.rows(types, &values![artifact.id]).await? {
        let type_id = row.take()?;
        channels::delete_all(tx, type_id).await?;
        files.extend(versions::delete_all(tx, type_id).await?);
    }
    let sql = "UPDATE artifact
        SET is_deleted = 1, vagrant_box = NULL, downloads = 0, box_versions = 0 WHERE id = $1";
    tx.execute(sql, &values![artifact.id]).await?;
    let bytes = delete_unnamed(tx, files).await?;
    Ok(quotas::give_back(tx, &name.username, bytes).await?)
}

/// Returns the artifact of this id.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn by_id(tx: Tx<'_>, id: i64) -> Result<ArtifactRow, StorageError> {
    let sql = "SELECT is_public FROM artifact WHERE id = $1 AND is_deleted = 0";
    let found = tx.row(sql, &values![id]).await?;
    let mut row = found.ok_or(StorageError::NotFound)?;
    Ok(ArtifactRow {
        id,
        visibility: visibility(row.take()?),
    })
}

pub(super) fn visibility(is_public: bool) -> Visibility {
    match is_public {
        true => Visibility::Public,
        false => Visibility::Private,
    }
}
