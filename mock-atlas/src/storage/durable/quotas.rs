//! Quotas of owners in a database.
//!
//! A row counts what is used, so that no upload has to add up all files. Each transaction that makes a file named or
//! unnamed changes the count last, after all other locks. Whoever has no quota has no row.

use std::collections::BTreeMap;

use super::DurableCatalog;
use super::database::{Row, RowLock, Tx, values};
use crate::domain::{Name, Quota};
use crate::storage::{AccountError, BackendError, StorageError};

/// The size of the files of a quota's owner.
macro_rules! used {
    () => {
        "CAST((SELECT coalesce(sum(file.size), 0) FROM artifact a
            JOIN artifact_type t ON t.artifact_id = a.id JOIN version v ON v.type_id = t.id
            JOIN file ON file.id = v.file_id WHERE a.username = quota.owner)
        + (SELECT coalesce(sum(file.size), 0) FROM artifact a
            JOIN box_upload u ON u.artifact_id = a.id
            JOIN file ON file.id = u.file_id WHERE a.username = quota.owner) AS BIGINT)"
    };
}

/// Selects the quota of an owner.
const SELECT: &str = "SELECT bytes_limit, bytes_used FROM quota WHERE owner = $1";

/// The file that another one takes the place of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Replaced {
    pub(super) bytes: u64,
    /// Whether the transaction has given the bytes back already.
    pub(super) is_given_back: bool,
}

/// Methods that concern quotas. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn quotas(&self) -> Result<Vec<(Name, Quota)>, StorageError> {
        let find = self.database.look_up(|tx| Box::pin(all(tx)));
        Ok(find.await?)
    }

    pub(crate) async fn quota(&self, owner: &Name) -> Result<Option<Quota>, StorageError> {
        let owner = owner.clone();
        let find = self
            .database
            .look_up(move |tx| Box::pin(async move { find(tx, &owner).await }));
        Ok(find.await?)
    }

    pub(crate) async fn set_quota(&self, owner: &Name, limit: u64) -> Result<Quota, StorageError> {
        let owner = owner.clone();
        let set = self
            .database
            .write(move |tx| Box::pin(async move { set(tx, &owner, limit).await }));
        set.await
    }

    pub(crate) async fn remove_quota(&self, owner: &Name) -> Result<(), StorageError> {
        let owner = owner.clone();
        let remove = self
            .database
            .write(move |tx| Box::pin(async move { remove(tx, &owner).await }));
        match remove.await? {
            true => Ok(()),
            false => Err(StorageError::NotFound),
        }
    }
}

fn read(row: &mut Row) -> Result<Quota, BackendError> {
    Ok(Quota {
        limit: row.take()?,
        used: row.take()?,
    })
}

/// Returns the quota of an owner; `None` without one.
///
/// # Errors
/// When the database fails.
pub(super) async fn find(tx: Tx<'_>, owner: &Name) -> Result<Option<Quota>, BackendError> {
    let found = tx.row(SELECT, &values![owner]).await?;
    found.map(|mut row| read(&mut row)).transpose()
}

async fn all(tx: Tx<'_>) -> Result<Vec<(Name, Quota)>, BackendError> {
    let sql = "SELECT owner, bytes_limit, bytes_used FROM quota ORDER BY owner";
    let rows = tx.rows(sql, &[]).await?;
    let quota = |mut row: Row| Ok((row.take()?, read(&mut row)?));
    rows.into_iter().map(quota).collect()
}

/// Returns the quotas of all owners in bytes.
///
/// # Errors
/// When the database fails.
pub(super) async fn record(tx: Tx<'_>) -> Result<BTreeMap<Name, u64>, BackendError> {
    let quotas = all(tx).await?.into_iter();
    Ok(quotas.map(|(owner, quota)| (owner, quota.limit)).collect())
}

/// Sets the quota of an owner, and counts what is used.
///
/// # Errors
/// [`AccountError::UnknownRegistry`].
async fn set(tx: Tx<'_>, owner: &Name, limit: u64) -> Result<Quota, StorageError> {
    // Nobody adds a file uncounted meanwhile.
    tx.lock_all().await?;
    let sql = "SELECT 1 FROM namespace WHERE name = $1";
    if tx.row(sql, &values![owner]).await?.is_none() {
        return Err(AccountError::UnknownRegistry.into());
    }
    insert(tx, owner, limit).await?;
    let sql = concat!(
        "UPDATE quota SET bytes_used = ",
        used!(),
        " WHERE owner = $1"
    );
    tx.execute(sql, &values![owner]).await?;
    let found = find(tx, owner).await?;
    found.ok_or(StorageError::NotFound)
}

/// Inserts or changes a quota, whose use [`recount`] counts.
///
/// # Errors
/// When there is no such owner, or the database fails.
pub(super) async fn insert(tx: Tx<'_>, owner: &Name, limit: u64) -> Result<(), BackendError> {
    let sql = "INSERT INTO quota (owner, bytes_limit, bytes_used) VALUES ($1, $2, 0)
        ON CONFLICT (owner) DO UPDATE SET bytes_limit = excluded.bytes_limit";
    tx.execute(sql, &values![owner, limit]).await.map(|_| ())
}

/// Removes a quota, and returns whether there was one.
///
/// # Errors
/// When the database fails.
pub(super) async fn remove(tx: Tx<'_>, owner: &Name) -> Result<bool, BackendError> {
    let sql = "DELETE FROM quota WHERE owner = $1";
    Ok(tx.execute(sql, &values![owner]).await? > 0)
}

/// Removes all quotas.
///
/// # Errors
/// When the database fails.
pub(super) async fn clear(tx: Tx<'_>) -> Result<(), BackendError> {
    tx.execute("DELETE FROM quota", &[]).await.map(|_| ())
}

/// Counts what all owners use, after a change that has not counted it.
///
/// # Errors
/// When the database fails.
pub(super) async fn recount(tx: Tx<'_>) -> Result<(), BackendError> {
    let sql = concat!("UPDATE quota SET bytes_used = ", used!());
    tx.execute(sql, &[]).await.map(|_| ())
}

/// Counts a file that the transaction has added, if its owner has a quota.
///
/// # Errors
/// [`StorageError::OverQuota`].
pub(super) async fn take(
    tx: Tx<'_>,
    owner: &Name,
    len: u64,
    replaced: Replaced,
) -> Result<(), StorageError> {
    let key = values![owner];
    let Some(mut row) = tx.locked_row(SELECT, &key, RowLock::Exclusive).await? else {
        return Ok(());
    };
    let mut before = read(&mut row)?;
    if replaced.is_given_back {
        before.used += replaced.bytes;
    }
    before.check(len, replaced.bytes)?;
    let sql = "UPDATE quota SET bytes_used = bytes_used + $1 WHERE owner = $2";
    tx.execute(sql, &values![len, owner]).await?;
    Ok(())
}

/// Counts files that the transaction has removed, if their owner has a quota.
///
/// # Errors
/// When the database fails.
pub(super) async fn give_back(tx: Tx<'_>, owner: &Name, bytes: u64) -> Result<(), BackendError> {
    if bytes == 0 {
        return Ok(());
    }
    let sql = "UPDATE quota SET bytes_used =
        CASE WHEN bytes_used < $1 THEN 0 ELSE bytes_used - $1 END WHERE owner = $2";
    tx.execute(sql, &values![bytes, owner]).await.map(|_| ())
}

/// A quota whose count is wrong.
pub(super) struct Miscounted {
    pub(super) owner: Name,
    pub(super) counted: u64,
    pub(super) used: u64,
}

/// Returns the quotas whose count is wrong.
///
/// # Errors
/// When the database fails.
pub(super) async fn miscounted(tx: Tx<'_>) -> Result<Vec<Miscounted>, BackendError> {
    let sql = concat!(
        "SELECT owner, bytes_used, ",
        used!(),
        " FROM quota ORDER BY owner"
    );
    let mut found = Vec::new();
    for mut row in tx.rows(sql, &[]).await? {
        let one = Miscounted {
            owner: row.take()?,
            counted: row.take()?,
            used: row.take()?,
        };
        found.extend(Some(one).filter(|one| one.counted != one.used));
    }
    Ok(found)
}
