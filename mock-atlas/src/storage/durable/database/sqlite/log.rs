//! The write-ahead log, whose pages are moved to the database when there are many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::Connection;

use super::Session;

/// The number of pages from which they are moved, as SQLite has it: about 4 MiB.
const MANY: u32 = 1000;

/// The length of the write-ahead log of a connection.
///
/// SQLite would move the pages within a commit, which then takes longer, and would tell nobody of a
/// failure.
#[derive(Debug)]
pub(super) struct Log {
    /// The number of pages after the last commit. The log begins anew when all are moved.
    pages: Arc<AtomicU32>,
    /// The number of pages when they were last moved.
    moved: u32,
}

impl Log {
    /// Counts the pages of a connection's commits, and keeps SQLite from moving them.
    ///
    /// # Errors
    /// When the connection refuses.
    pub(super) fn of(connection: &mut Connection) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&pages);
        connection.wal_hook(Some(move |_: &mut _, pages| {
            count.store(u32::try_from(pages).unwrap_or_default(), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { pages, moved: 0 })
    }

    /// Moves the pages to the database if there are many. What readers still need stays in the log.
    pub(super) fn shorten(&mut self, session: &Session) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.moved {
            self.moved = 0;
        }
        if pages - self.moved < MANY {
            return;
        }
        self.moved = pages;
        if let Err(error) = session.rows("PRAGMA wal_checkpoint(PASSIVE)", &[]) {
            // The pages are safe in the log, and moved later, unless it was an fsync that failed.
            tracing::warn!(%error, "the write-ahead log cannot be shortened");
        }
    }
}
