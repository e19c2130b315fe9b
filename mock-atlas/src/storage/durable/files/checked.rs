//! The rows of files as a check reads and marks them.

use super::rows::{COLUMNS, FileRow, READY};
use crate::storage::BackendError;
use crate::storage::durable::database::{Row, Tx, values};

/// The number of rows in a page.
const PAGE: i64 = 100;

/// A file that is to be checked.
pub(in crate::storage::durable) struct CheckedFile {
    pub(in crate::storage::durable) id: i64,
    pub(in crate::storage::durable) row: FileRow,
}

/// Returns the number of files that are ready, and of their bytes.
pub(in crate::storage::durable) async fn count(tx: Tx<'_>) -> Result<(u64, u64), BackendError> {
    let sql = "SELECT count(*), CAST(coalesce(sum(size), 0) AS BIGINT) FROM file
        WHERE state = $1";
    let counted = tx.row(sql, &values![READY]).await?;
    let mut row = counted.ok_or_else(|| BackendError::new("nothing was counted"))?;
    Ok((row.take()?, row.take()?))
}

/// Returns the next files that are ready, in the order of their ids.
pub(in crate::storage::durable) async fn page(
    tx: Tx<'_>,
    after: i64,
) -> Result<Vec<CheckedFile>, BackendError> {
    let sql =
        format!("SELECT id, {COLUMNS} FROM file WHERE state = $1 AND id > $2 ORDER BY id LIMIT $3");
    let read = |mut row: Row| {
        Ok(CheckedFile {
            id: row.take()?,
            row: FileRow::read(&mut row)?,
        })
    };
    let rows = tx.rows(&sql, &values![READY, after, PAGE]).await?;
    rows.into_iter().map(read).collect()
}

/// Marks a file as damaged in this way, or as whole.
pub(in crate::storage::durable) async fn mark(
    tx: Tx<'_>,
    id: i64,
    damage: Option<String>,
) -> Result<(), BackendError> {
    let sql = "UPDATE file SET damage = $1 WHERE id = $2";
    tx.execute(sql, &values![damage, id]).await?;
    Ok(())
}

/// Returns whether a file is still there.
pub(in crate::storage::durable) async fn is_ready(
    tx: Tx<'_>,
    id: i64,
) -> Result<bool, BackendError> {
    let sql = "SELECT 1 FROM file WHERE id = $1 AND state = $2";
    Ok(tx.row(sql, &values![id, READY]).await?.is_some())
}
