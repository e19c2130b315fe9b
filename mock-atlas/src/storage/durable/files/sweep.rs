//! Removes files that are no longer needed: what was deleted, after a grace period; what a process has left
//! that died while it wrote; and objects that no row names.
//!
//! Several processes may sweep at the same time: a file that is removed twice is removed.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt;

use super::Files;
use super::rows::{self, DeletedFile};
use crate::storage::BackendError;
use crate::storage::store::{FileKey, FoundObject};

/// The time after which a file is given up whose writer shows no sign of life: many times the time between
/// two of them, since clocks of several machines differ.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// The age from which an object is removed that no row names. The row of a file is older than its bytes, so
/// that this only allows for clocks that differ.
const UNKNOWN_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The number of rows that are read and removed at a time.
const PAGE: u64 = 200;

/// A report of what a sweep has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    /// The number of files that were deleted, or that a process has left.
    pub(crate) files: u64,
    /// The number of objects that no row named.
    pub(crate) unknown: u64,
    /// The size of both in bytes.
    pub(crate) bytes: u64,
}

impl Files {
    /// Removes the files whose grace period is over, and what dead processes have left.
    ///
    /// # Errors
    /// When the database fails, or the store failed for some file: the others are removed.
    pub(in crate::storage::durable) async fn sweep(
        &self,
        grace: Duration,
    ) -> Result<Swept, BackendError> {
        let now = self.clock.now();
        let mark = self.database.write(move |tx| {
            Box::pin(async move {
                rows::give_up_silent(tx, before(now, SILENCE)).await?;
                rows::begin_grace(tx, now).await
            })
        });
        mark.await?;
        let (mut swept, mut after, mut outcome) = (Swept::default(), 0, Ok(()));
        let end = before(now, grace);
        loop {
            let read = self
                .database
                .read(move |tx| Box::pin(async move { rows::deleted(tx, after, end, PAGE).await }));
            let page = read.await?;
            let Some(last) = page.last() else {
                return outcome.map(|()| swept);
            };
            after = last.id;
            let mut removed = Vec::new();
            for file in page {
                match self
                    .store
                    .remove(&file.key, file.multipart.as_deref())
                    .await
                {
                    Ok(()) if file.since <= end => removed.push(file),
                    // A part that was on its way may come later: once more at the next sweep.
                    Ok(()) => {}
                    Err(error) => outcome = Err(error.into()),
                }
            }
            swept.files += removed.len() as u64;
            swept.bytes += removed.iter().map(|file| file.len).sum::<u64>();
            self.forget(removed).await?;
        }
    }

    /// Removes all that was begun and not made ready, however lately, and all that was deleted. Nobody else may use
    /// the database.
    ///
    /// # Errors
    /// The errors of [`Files::sweep`].
    pub(in crate::storage::durable) async fn sweep_left(&self) -> Result<(), BackendError> {
        let later = self.clock.now() + UNKNOWN_AGE;
        let give_up = self
            .database
            .write(move |tx| Box::pin(async move { rows::give_up_silent(tx, later).await }));
        give_up.await?;
        self.sweep(Duration::ZERO).await.map(|_| ())
    }

    async fn forget(&self, files: Vec<DeletedFile>) -> Result<(), BackendError> {
        if files.is_empty() {
            return Ok(());
        }
        let forget = self.database.write(move |tx| {
            Box::pin(async move {
                for file in &files {
                    rows::forget(tx, &file.key).await?;
                }
                Ok(())
            })
        });
        forget.await
    }

    /// Removes the objects that no row names and that are a day old.
    ///
    /// # Errors
    /// When the database or the store fails.
    pub(in crate::storage::durable) async fn sweep_unknown(&self) -> Result<Swept, BackendError> {
        let end = before(SystemTime::now(), UNKNOWN_AGE);
        let mut pages = Box::pin(self.store.list());
        let mut swept = Swept::default();
        while let Some(page) = pages.try_next().await? {
            let page = page.into_iter().filter(|object| object.modified <= end);
            let page: Arc<[FoundObject]> = page.collect();
            let unknown = self.unknown(&page).await?;
            for key in &unknown {
                self.store.remove(key, None).await?;
            }
            let lens = page.iter().filter(|object| unknown.contains(&object.key));
            swept.unknown += unknown.len() as u64;
            swept.bytes += lens.map(|object| object.len).sum::<u64>();
        }
        Ok(swept)
    }

    async fn unknown(&self, page: &[FoundObject]) -> Result<Vec<FileKey>, BackendError> {
        let mut keys: Vec<FileKey> = page.iter().map(|object| object.key.clone()).collect();
        keys.dedup();
        if keys.is_empty() {
            return Ok(keys);
        }
        let read = self
            .database
            .read(move |tx| Box::pin(async move { rows::unknown(tx, keys).await }));
        read.await
    }
}

fn before(time: SystemTime, by: Duration) -> SystemTime {
    time.checked_sub(by).unwrap_or(SystemTime::UNIX_EPOCH)
}
