//! The files of a durable home: the bytes are in a store, and a row of the database says what they are.
//!
//! - `identity`: makes sure that a database and a store belong together
//! - `rows`: the rows of files; `sweep`: removes what is no longer needed
//! - `checked`, `described`: the rows as a check and those see them who describe files
//!
//! A file is written in three steps, so that the database alone decides what is seen, whatever stops the
//! process: its row is inserted; its bytes are written under a random key; and one transaction makes it
//! ready, along with whatever names it. A file that nothing names any longer is deleted in its row, and its
//! bytes go after a grace period, when nobody reads them any more.

mod checked;
mod described;
mod identity;
mod rows;
mod sweep;
#[cfg(test)]
mod tests;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use super::database::Database;
use crate::domain::Clock;
use crate::storage::store::{FileFacts, FileKey, Store};
use crate::storage::{BackendError, Blob, StoreError};
pub(super) use checked::{CheckedFile, count, is_ready, mark, page};
pub(super) use described::{
    UndescribedFile, insert_ready, set_changed, set_described, undescribed,
};
pub(super) use rows::{COLUMNS, FileRow, READY, delete_all, delete_unnamed, make_ready};
pub(crate) use sweep::Swept;

/// The time between two signs of life of a file that is being written.
const HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(60);

/// The files of a durable home. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(super) struct Files {
    database: Database,
    store: Store,
    clock: Clock,
}

/// A file whose bytes are in the store, and whose row no transaction has made ready yet. As long as this
/// lives, the row has signs of life, and nobody takes the file for one that a dead process has left.
#[derive(Debug)]
pub(super) struct NewFile {
    pub(super) row: FileRow,
    multipart: Option<String>,
    _alive: AbortOnDropHandle<()>,
}

impl Files {
    pub(super) fn new(database: Database, store: Store, clock: Clock) -> Self {
        Self {
            database,
            store,
            clock,
        }
    }

    /// Keeps the bytes of a blob in a new file, which is on disk when this returns.
    ///
    /// # Errors
    /// When the bytes cannot be read, or the database or the store fails.
    pub(super) async fn keep(&self, blob: &Blob) -> Result<NewFile, BackendError> {
        let sha256 = blob.compute_sha256().await;
        let failed = |error| BackendError::new(format!("the file cannot be kept: {error}"));
        let facts = FileFacts {
            len: blob.len(),
            digest: blob.digest(),
            sha256: sha256.map_err(failed)?,
        };
        let key = FileKey::random();
        let (begun, now) = (key.clone(), self.clock.now());
        let begin = self
            .database
            .write(move |tx| Box::pin(async move { rows::begin(tx, &begun, now).await }));
        begin.await?;
        let mut file = NewFile {
            _alive: self.show_life(key.clone()),
            row: FileRow::whole(key, facts),
            multipart: None,
        };
        match self.write(&mut file, blob).await {
            Ok(()) => Ok(file),
            Err(error) => {
                self.discard(file).await;
                Err(error)
            }
        }
    }

    async fn write(&self, file: &mut NewFile, blob: &Blob) -> Result<(), BackendError> {
        let key = &file.row.key;
        file.multipart = self.store.begin(key, blob.len()).await?;
        if let Some(id) = file.multipart.clone() {
            let key = key.clone();
            let keep = self
                .database
                .write(move |tx| Box::pin(async move { rows::set_multipart(tx, &key, &id).await }));
            keep.await?;
        }
        let multipart = file.multipart.as_deref();
        Ok(self.store.write(key, multipart, blob).await?)
    }

    /// Shows in the row of a file that it is being written, again and again until the handle is dropped.
    fn show_life(&self, key: FileKey) -> AbortOnDropHandle<()> {
        let files = self.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut beats = interval(HEARTBEAT);
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            // The first tick is at once, and the row is new.
            beats.tick().await;
            loop {
                beats.tick().await;
                let (key, now) = (key.clone(), files.clock.now());
                let beat = files
                    .database
                    .write(move |tx| Box::pin(async move { rows::show_life(tx, &key, now).await }));
                // The next one may succeed, long before anybody misses it.
                let _ = beat.await;
            }
        }))
    }

    /// Removes a file that is not needed after all, unless a transaction has made it ready. What fails here
    /// is done by a later sweep.
    pub(super) async fn discard(&self, file: NewFile) {
        let NewFile { row, multipart, .. } = file;
        let key = row.key.clone();
        let give_up = self
            .database
            .write(move |tx| Box::pin(async move { rows::give_up(tx, &key).await }));
        if !matches!(give_up.await, Ok(true)) {
            return;
        }
        if self
            .store
            .remove(&row.key, multipart.as_deref())
            .await
            .is_err()
        {
            return;
        }
        let forget = self
            .database
            .write(move |tx| Box::pin(async move { rows::forget(tx, &row.key).await }));
        let _ = forget.await;
    }

    /// Removes files that are not needed after all.
    pub(super) async fn discard_all(&self, files: impl IntoIterator<Item = NewFile>) {
        for file in files {
            self.discard(file).await;
        }
    }

    /// Returns the bytes of a stored file.
    ///
    /// # Errors
    /// When a check has found the file damaged, and when the file is in a folder, and is not there or has
    /// another size.
    pub(super) async fn read(&self, stored: FileRow) -> Result<Blob, StoreError> {
        check_whole(&stored)?;
        self.read_unchecked(&stored).await
    }

    /// Returns the bytes of a stored file, even if a check has found them damaged.
    ///
    /// # Errors
    /// When the file is in a folder, and is not there or has another size.
    pub(super) async fn read_unchecked(&self, stored: &FileRow) -> Result<Blob, StoreError> {
        self.store.read(&stored.key, stored.facts).await
    }

    /// Returns the bytes of a stored file, which is opened only to read them.
    ///
    /// # Errors
    /// When a check has found the file damaged.
    pub(super) fn named(&self, stored: &FileRow) -> Result<Blob, StoreError> {
        check_whole(stored)?;
        Ok(self.store.named(&stored.key, stored.facts))
    }

    /// Returns the database with the rows.
    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// Returns the store of the bytes.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }
}

fn check_whole(stored: &FileRow) -> Result<(), StoreError> {
    match &stored.damage {
        None => Ok(()),
        Some(how) => Err(StoreError::Damaged(format!(
            "{how}; whoever runs this Atlas repairs it, and runs `mock-atlas check` then"
        ))),
    }
}
