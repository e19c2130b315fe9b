//! Writes the descriptions of files in the background.

use std::sync::Weak;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::sleep;

use super::Description;
use crate::storage::durable::database::Tx;
use crate::storage::durable::files::{self, Files, UndescribedFile};
use crate::storage::store::{DESCRIPTION, FileKey};
use crate::storage::{BackendError, BackendErrorKind};

/// The time between two looks for files that are to be described: up to a half longer or shorter, so that
/// several processes take turns.
const INTERVAL: Duration = Duration::from_secs(2);

/// The number of files that are described in one transaction.
const PAGE: i64 = 100;

/// The number of descriptions that are written at a time.
const AT_A_TIME: usize = 4;

/// A description that is to be written.
struct Due {
    id: i64,
    key: FileKey,
    /// The number of changes that the description has taken in.
    changes: i64,
    /// The description; `None` for a file that needs none yet.
    json: Option<Bytes>,
}

/// Writes descriptions again and again, as long as somebody holds the files.
pub(in crate::storage::durable) async fn describe_forever(files: Weak<Files>) {
    loop {
        sleep(INTERVAL.mul_f64(0.5 + fastrand::f64())).await;
        let Some(files) = files.upgrade() else {
            return;
        };
        if let Err(error) = files.describe_all().await {
            // The next look tries again.
            tracing::warn!(%error, "some files could not be described");
        }
    }
}

impl Files {
    /// Writes the descriptions of all files that have changed since they were described.
    ///
    /// # Errors
    /// When the database or the store fails.
    pub(in crate::storage::durable) async fn describe_all(&self) -> Result<(), BackendError> {
        let mut after = 0;
        loop {
            let read = self
                .database()
                .read(move |tx| Box::pin(async move { due(tx, after).await }));
            let due = read.await?;
            let Some(last) = due.last() else {
                return Ok(());
            };
            after = last.id;
            let describe = stream::iter(due).map(|due| self.describe(due));
            let described: Vec<(i64, i64)> =
                describe.buffer_unordered(AT_A_TIME).try_collect().await?;
            let keep = self.database().write(move |tx| {
                Box::pin(async move { files::set_described(tx, &described).await })
            });
            keep.await?;
        }
    }

    /// Writes a description, and returns the id of its file with the number of changes that it has taken in.
    async fn describe(&self, due: Due) -> Result<(i64, i64), BackendError> {
        if let Some(json) = due.json {
            let name = format!("{}{DESCRIPTION}", due.key.as_str());
            self.store().put(&name, json).await?;
        }
        Ok((due.id, due.changes))
    }
}

/// Returns the next descriptions that are to be written.
async fn due(tx: Tx<'_>, after: i64) -> Result<Vec<Due>, BackendError> {
    let mut all = Vec::new();
    for UndescribedFile { id, row, changes } in files::undescribed(tx, after, PAGE).await? {
        let description = Description::of(tx, id, &row).await;
        let json = match description.and_then(|one| one.map(|one| one.to_json()).transpose()) {
            Err(error) if error.kind() == BackendErrorKind::Failed => {
                // A row that is damaged must not keep the others from being described.
                tracing::warn!(%error, key = row.key.as_str(), "a file cannot be described");
                None
            }
            json => json?,
        };
        all.push(Due {
            id,
            key: row.key,
            changes,
            json,
        });
    }
    Ok(all)
}
