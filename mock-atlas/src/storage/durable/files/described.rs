//! The rows of files as those see them who describe files, and who make rows of descriptions.

use super::rows::{COLUMNS, FileRow, READY};
use crate::storage::BackendError;
use crate::storage::durable::database::{Row, Tx, values};
use crate::storage::store::FileFacts;

/// A file that has changed since it was described.
pub(in crate::storage::durable) struct UndescribedFile {
    pub(in crate::storage::durable) id: i64,
    pub(in crate::storage::durable) row: FileRow,
    /// The number of changes.
    pub(in crate::storage::durable) changes: i64,
}

/// Returns the next files that are to be described, in the order of their ids.
pub(in crate::storage::durable) async fn undescribed(
    tx: Tx<'_>,
    after: i64,
    most: i64,
) -> Result<Vec<UndescribedFile>, BackendError> {
    let sql = format!(
        "SELECT id, undescribed, {COLUMNS} FROM file
        WHERE state = 1 AND undescribed > 0 AND id > $1 ORDER BY id LIMIT $2"
    );
    let read = |mut row: Row| {
        Ok(UndescribedFile {
            id: row.take()?,
            changes: row.take()?,
            row: FileRow::read(&mut row)?,
        })
    };
    let rows = tx.rows(&sql, &values![after, most]).await?;
    rows.into_iter().map(read).collect()
}

/// Records that files were described, each with the number of changes that its description has taken in. One
/// that has changed since is described again, since another process may have written its description before
/// this one did.
pub(in crate::storage::durable) async fn set_described(
    tx: Tx<'_>,
    files: &[(i64, i64)],
) -> Result<(), BackendError> {
    let sql = "UPDATE file SET undescribed =
        CASE WHEN undescribed = $1 THEN 0 ELSE undescribed + 1 END WHERE id = $2";
    for (id, changes) in files {
        tx.execute(sql, &values![*changes, *id]).await?;
    }
    Ok(())
}

/// Records that something has changed which the description of a file tells.
pub(in crate::storage::durable) async fn set_changed(
    tx: Tx<'_>,
    id: i64,
) -> Result<(), BackendError> {
    let sql = "UPDATE file SET undescribed = undescribed + 1 WHERE id = $1";
    tx.execute(sql, &values![id]).await?;
    Ok(())
}

/// Inserts the row of a file whose bytes are in the store already, and returns its id; `None` if there is
/// one.
pub(in crate::storage::durable) async fn insert_ready(
    tx: Tx<'_>,
    file: &FileRow,
) -> Result<Option<i64>, BackendError> {
    let sql = "INSERT INTO file (key, state, size, digest, sha256) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (key) DO NOTHING RETURNING id";
    let FileFacts {
        len,
        digest,
        sha256,
    } = file.facts;
    let (digest, sha256) = (*digest.as_bytes(), *sha256.as_bytes());
    let row = values![file.key.as_str(), READY, len, digest, sha256];
    let inserted = tx.row(sql, &row).await?;
    inserted.map(|mut row| row.take()).transpose()
}
