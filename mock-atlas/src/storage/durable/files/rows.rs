//! The rows of files in a database.

use std::time::SystemTime;

use crate::domain::{Digest, Sha256Digest};
use crate::storage::BackendError;
use crate::storage::durable::database::{Row, RowLock, Tx, values};
use crate::storage::store::{FileFacts, FileKey};

/// The columns of [`FileRow::read`].
pub(in crate::storage::durable) const COLUMNS: &str =
    "file.key, file.size, file.digest, file.sha256, file.damage";

/// The state of a file that is being written.
pub(super) const WRITING: i64 = 0;
/// The state of a file that is complete, and that something names.
pub(in crate::storage::durable) const READY: i64 = 1;
/// The state of a file that nothing names any longer.
pub(super) const DELETED: i64 = 2;

/// A stored file, as its row in the database describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::storage::durable) struct FileRow {
    pub(in crate::storage::durable) key: FileKey,
    pub(in crate::storage::durable) facts: FileFacts,
    /// How the bytes are damaged, if a check has found that they are.
    pub(in crate::storage::durable) damage: Option<String>,
}

impl FileRow {
    /// Returns the row of a file that is whole.
    pub(in crate::storage::durable) fn whole(key: FileKey, facts: FileFacts) -> Self {
        Self {
            key,
            facts,
            damage: None,
        }
    }

    /// Reads the columns [`COLUMNS`].
    ///
    /// # Errors
    /// When the row has others.
    pub(in crate::storage::durable) fn read(row: &mut Row) -> Result<Self, BackendError> {
        Ok(Self {
            key: row.take::<String>()?.into(),
            facts: FileFacts {
                len: row.take()?,
                digest: Digest::from(row.take::<[u8; 32]>()?),
                sha256: Sha256Digest::from(row.take::<[u8; 32]>()?),
            },
            damage: row.take()?,
        })
    }
}

/// Inserts the row of a file that is to be written.
pub(super) async fn begin(tx: Tx<'_>, key: &FileKey, now: SystemTime) -> Result<(), BackendError> {
    let sql = "INSERT INTO file (key, state, seen) VALUES ($1, $2, $3)";
    tx.execute(sql, &values![key.as_str(), WRITING, now])
        .await?;
    Ok(())
}

/// Keeps the id of the multipart upload of a file that is being written.
///
/// # Errors
/// When the file was given up meanwhile.
pub(super) async fn set_multipart(tx: Tx<'_>, key: &FileKey, id: &str) -> Result<(), BackendError> {
    let sql = "UPDATE file SET multipart = $1 WHERE key = $2 AND state = $3";
    let changed = tx.execute(sql, &values![id, key.as_str(), WRITING]).await?;
    match changed {
        0 => Err(given_up()),
        _ => Ok(()),
    }
}

/// Shows that a file is still being written.
pub(super) async fn show_life(
    tx: Tx<'_>,
    key: &FileKey,
    now: SystemTime,
) -> Result<(), BackendError> {
    let sql = "UPDATE file SET seen = $1 WHERE key = $2 AND state = $3";
    tx.execute(sql, &values![now, key.as_str(), WRITING])
        .await?;
    Ok(())
}

/// Makes a file ready that is completely written, and returns its id.
///
/// # Errors
/// When the file was given up meanwhile.
pub(in crate::storage::durable) async fn make_ready(
    tx: Tx<'_>,
    file: &FileRow,
) -> Result<i64, BackendError> {
    let sql = "UPDATE file SET state = $1, size = $2, digest = $3, sha256 = $4, seen = NULL, multipart = NULL
        WHERE key = $5 AND state = $6 RETURNING id";
    let FileFacts {
        len,
        digest,
        sha256,
    } = file.facts;
    let row = values![
        READY,
        len,
        *digest.as_bytes(),
        *sha256.as_bytes(),
        file.key.as_str(),
        WRITING,
    ];
    let mut ready = tx.row(sql, &row).await?.ok_or_else(given_up)?;
    ready.take()
}

fn given_up() -> BackendError {
    BackendError::unavailable(
        "the file was given up, since nothing was heard of its writer for a long time: send it again",
    )
}

/// Gives up a file that is being written. Returns whether it was: another process may have made it ready,
/// or given it up.
pub(super) async fn give_up(tx: Tx<'_>, key: &FileKey) -> Result<bool, BackendError> {
    let sql = "UPDATE file SET state = $1, seen = NULL WHERE key = $2 AND state = $3";
    let changed = tx
        .execute(sql, &values![DELETED, key.as_str(), WRITING])
        .await?;
    Ok(changed == 1)
}

/// Removes the row of a deleted file whose bytes are gone.
pub(super) async fn forget(tx: Tx<'_>, key: &FileKey) -> Result<(), BackendError> {
    let sql = "DELETE FROM file WHERE key = $1 AND state = $2";
    tx.execute(sql, &values![key.as_str(), DELETED]).await?;
    Ok(())
}

/// Deletes those of these files that neither a version nor an upload names any longer. Returns the sum of their sizes,
/// with each size counted as often as the file is among them: once for each name that it has lost.
///
/// # Errors
/// When the database fails.
pub(in crate::storage::durable) async fn delete_unnamed(
    tx: Tx<'_>,
    files: impl IntoIterator<Item = i64>,
) -> Result<u64, BackendError> {
    let sql = "UPDATE file SET state = $1 WHERE id = $2 AND state = $3
        AND NOT EXISTS (SELECT 1 FROM version WHERE version.file_id = file.id)
        AND NOT EXISTS (SELECT 1 FROM box_upload WHERE box_upload.file_id = file.id)";
    // Who removes the last but one name of a file must wait here for who removes the last.
    let lock = "SELECT coalesce(size, 0) FROM file WHERE id = $1";
    let mut files: Vec<i64> = files.into_iter().collect();
    files.sort_unstable();
    let mut bytes = 0;
    for file in files {
        let key = values![file];
        if let Some(mut row) = tx.locked_row(lock, &key, RowLock::Exclusive).await? {
            bytes += row.take::<u64>()?;
        }
        tx.execute(sql, &values![DELETED, file, READY]).await?;
    }
    Ok(bytes)
}

/// Deletes all files that are ready.
///
/// # Errors
/// When the database fails.
pub(in crate::storage::durable) async fn delete_all(tx: Tx<'_>) -> Result<(), BackendError> {
    let sql = "UPDATE file SET state = $1 WHERE state = $2";
    tx.execute(sql, &values![DELETED, READY]).await?;
    Ok(())
}

/// Gives up the files of whose writers nothing was heard since a time.
pub(super) async fn give_up_silent(tx: Tx<'_>, since: SystemTime) -> Result<(), BackendError> {
    let sql = "UPDATE file SET state = $1, seen = NULL WHERE state = $2 AND seen < $3";
    tx.execute(sql, &values![DELETED, WRITING, since]).await?;
    Ok(())
}

/// Begins the grace period of the files that were deleted since the last sweep.
pub(super) async fn begin_grace(tx: Tx<'_>, now: SystemTime) -> Result<(), BackendError> {
    let sql = "UPDATE file SET seen = $1 WHERE state = $2 AND seen IS NULL";
    tx.execute(sql, &values![now, DELETED]).await?;
    Ok(())
}

/// A deleted file.
pub(super) struct DeletedFile {
    pub(super) id: i64,
    pub(super) key: FileKey,
    pub(super) multipart: Option<String>,
    /// The size in bytes; 0 for a file that was never complete.
    pub(super) len: u64,
    /// The time at which a sweep found it deleted.
    pub(super) since: SystemTime,
}

/// Returns deleted files after one of them, in the order of their ids: those without an upload in parts
/// only if their grace period began at `before` or earlier.
pub(super) async fn deleted(
    tx: Tx<'_>,
    after: i64,
    before: SystemTime,
    most: u64,
) -> Result<Vec<DeletedFile>, BackendError> {
    let sql = "SELECT id, key, multipart, coalesce(size, 0), seen FROM file
        WHERE state = $1 AND seen IS NOT NULL AND id > $2 AND (seen <= $3 OR multipart IS NOT NULL)
        ORDER BY id LIMIT $4";
    let rows = tx.rows(sql, &values![DELETED, after, before, most]).await?;
    let read = |mut row: Row| {
        Ok(DeletedFile {
            id: row.take()?,
            key: row.take::<String>()?.into(),
            multipart: row.take()?,
            len: row.take()?,
            since: row.take()?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Returns those of these keys that no row has.
pub(super) async fn unknown(tx: Tx<'_>, keys: Vec<FileKey>) -> Result<Vec<FileKey>, BackendError> {
    let sql = "SELECT 1 FROM file WHERE key = $1";
    let mut unknown = Vec::new();
    for key in keys {
        if tx.row(sql, &values![key.as_str()]).await?.is_none() {
            unknown.push(key);
        }
    }
    Ok(unknown)
}
