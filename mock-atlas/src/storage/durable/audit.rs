//! The audit in a database. Entries are written in the background, many in one transaction.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::database::{Database, Row, Tx, Value, values};
use crate::domain::{AuditEntry, AuditQuery, NumberedEntry};
use crate::storage::BackendError;

/// The greatest number of entries that wait to be written. They take some megabytes.
const MOST_WAITING: usize = 10_000;

/// The greatest number of entries of one transaction.
const BATCH: usize = 500;

/// The time for which entries are gathered. A commit of its own for each would take the disk as long as the change
/// that the entry tells of, and the next change would wait for it.
const GATHER: Duration = Duration::from_millis(50);

/// The time until a database that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The longest wait for entries that are not written yet.
const LONGEST_FLUSH: Duration = Duration::from_secs(5);

/// The time for which entries are kept: a year and a month, so that two years can be compared.
const KEPT: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The time between two removals of old entries.
const BETWEEN_REMOVALS: Duration = Duration::from_secs(24 * 60 * 60);

/// The entries that wait to be written. A clone is a cheap handle.
#[derive(Clone, Debug, Default)]
pub(super) struct AuditWriter(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: Mutex<Waiting>,
    /// Tells that some entries are written, or that the task has ended.
    written: Notify,
    /// Tells the task that somebody waits for it.
    hurry: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: Vec<AuditEntry>,
    /// The number of entries that were ever recorded.
    recorded: u64,
    /// The number of entries that were ever written, the first ones first.
    written: u64,
    /// Whether a task is writing.
    is_writing: bool,
    /// Whether the database is closed: it takes nothing more.
    is_closed: bool,
    /// The time of the last removal of old entries.
    removed: Option<SystemTime>,
}

impl AuditWriter {
    /// Adds an entry, which is written soon. A request does not wait for it: a server that is killed can lose
    /// the entries of its last moment.
    pub(super) fn record(&self, database: &Database, entry: AuditEntry) {
        let mut waiting = self.waiting();
        if waiting.is_closed || waiting.entries.len() >= MOST_WAITING {
            let AuditEntry { method, path, .. } = &entry;
            tracing::error!(
                method,
                path,
                "no entry of the audit: the database takes none"
            );
            return;
        }
        waiting.entries.push(entry);
        waiting.recorded += 1;
        // Without a runtime there is nobody to write, until there is one.
        if !waiting.is_writing
            && let Ok(runtime) = Handle::try_current()
        {
            waiting.is_writing = true;
            runtime.spawn(self.clone().write_all(database.clone()));
        }
    }

    /// Waits until the entries that were recorded before are written, or for five seconds, and returns how many
    /// are not.
    pub(super) async fn flush(&self) -> u64 {
        let recorded = self.waiting().recorded;
        self.0.hurry.notify_one();
        let written = async {
            loop {
                let notified = self.0.written.notified();
                let is_done = {
                    let waiting = self.waiting();
                    waiting.written >= recorded || !waiting.is_writing
                };
                if is_done {
                    return;
                }
                notified.await;
            }
        };
        // Whether it was too late shows in the number.
        let _ = timeout(LONGEST_FLUSH, written).await;
        recorded.saturating_sub(self.waiting().written)
    }

    /// Waits as [`AuditWriter::flush`] does, and takes no entries from then on.
    pub(super) async fn close(&self) -> u64 {
        self.flush().await;
        let mut waiting = self.waiting();
        waiting.is_closed = true;
        waiting.recorded.saturating_sub(waiting.written)
    }

    async fn write_all(self, database: Database) {
        loop {
            self.gather().await;
            let Some((batch, old)) = self.next_batch() else {
                break;
            };
            let (entries, count) = (batch.clone(), batch.len() as u64);
            let write = database.write(move |tx| Box::pin(write(tx, batch, old)));
            match write.await {
                Ok(()) => self.waiting().written += count,
                Err(error) => {
                    tracing::warn!(%error, "entries of the audit wait for the database");
                    self.waiting().entries.splice(0..0, entries);
                    sleep(RETRY).await;
                }
            }
            self.0.written.notify_waiters();
        }
        self.0.written.notify_waiters();
    }

    /// Waits until there are enough entries for a transaction, or somebody waits for them, or the time is over.
    async fn gather(&self) {
        if self.waiting().entries.len() < BATCH {
            let _ = timeout(GATHER, self.0.hurry.notified()).await;
        }
    }

    /// Takes the next entries, and the time before which entries are removed; `None` when all are written, or the
    /// database is closed.
    fn next_batch(&self) -> Option<(Vec<AuditEntry>, Option<SystemTime>)> {
        let mut waiting = self.waiting();
        let count = waiting.entries.len().min(BATCH);
        if count == 0 || waiting.is_closed {
            waiting.is_writing = false;
            return None;
        }
        let batch: Vec<_> = waiting.entries.drain(..count).collect();
        let now = batch.last().map(|entry| entry.time);
        let is_due = now.is_some_and(|now| waiting.is_removal_due(now));
        if is_due {
            waiting.removed = now;
        }
        let old = now.and_then(|now| now.checked_sub(KEPT));
        Some((batch, old.filter(|_| is_due)))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_removal_due(&self, now: SystemTime) -> bool {
        self.removed.is_none_or(|removed| {
            let since = now.duration_since(removed);
            since.is_ok_and(|since| since >= BETWEEN_REMOVALS)
        })
    }
}

async fn write(
    tx: Tx<'_>,
    entries: Vec<AuditEntry>,
    old: Option<SystemTime>,
) -> Result<(), BackendError> {
    if let Tx::Postgres(_) = tx {
        // The numbers appear in their order, so that no reader goes on after one that is still to come.
        let sql = "LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE";
        tx.execute(sql, &[]).await?;
    }
    for entry in entries {
        let sql = "INSERT INTO audit (time, username, token, address, forwarded_for, method, path, version,
                status, request)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let row = values![
            entry.time,
            entry.username.as_ref(),
            entry.token,
            entry.address.map(|address| address.to_string()),
            entry.forwarded_for,
            entry.method,
            entry.path,
            entry.version,
            entry.status.map(i64::from),
            entry.request
        ];
        tx.execute(sql, &row).await?;
    }
    if let Some(old) = old {
        tx.execute("DELETE FROM audit WHERE time < $1", &values![old])
            .await?;
    }
    Ok(())
}

/// Returns the entries that a query chooses, the oldest first.
///
/// # Errors
/// When the database fails.
pub(super) async fn find(
    tx: Tx<'_>,
    query: AuditQuery,
) -> Result<Vec<NumberedEntry>, BackendError> {
    let mut values: Vec<Value> = vec![query.after.into(), (query.limit as u64).into()];
    let mut conditions = String::new();
    let bounds = [
        ("time >=", query.since.map(Value::from)),
        ("time <", query.until.map(Value::from)),
        ("username =", query.username.as_ref().map(Value::from)),
    ];
    for (condition, value) in bounds {
        if let Some(value) = value {
            values.push(value);
            conditions.push_str(&format!(" AND {condition} ${}", values.len()));
        }
    }
    let sql = format!(
        "SELECT id, time, username, token, address, forwarded_for, method, path, version, status, request
        FROM audit WHERE id > $1 AND $2 > 0{conditions} ORDER BY id LIMIT $2"
    );
    let rows = tx.rows(&sql, &values).await?.into_iter();
    rows.map(numbered).collect()
}

fn numbered(mut row: Row) -> Result<NumberedEntry, BackendError> {
    let number = row.take()?;
    let entry = AuditEntry {
        time: row.take()?,
        username: row.take()?,
        token: row.take()?,
        address: row
            .take::<Option<String>>()?
            .and_then(|text| text.parse().ok()),
        forwarded_for: row.take()?,
        method: row.take()?,
        path: row.take()?,
        version: row.take()?,
        status: row
            .take::<Option<i64>>()?
            .and_then(|status| status.try_into().ok()),
        request: row.take()?,
    };
    Ok(NumberedEntry { number, entry })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::domain::Clock;
    use crate::storage::durable::DurableCatalog;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    async fn open(folder: &Path) -> DurableCatalog {
        let opened = DurableCatalog::open(folder, None, Clock::default());
        opened.await.unwrap()
    }

    fn record_on(catalog: &DurableCatalog, day: u32) {
        catalog.record(AuditEntry {
            time: UNIX_EPOCH + day * DAY,
            username: None,
            token: None,
            address: None,
            forwarded_for: None,
            method: "POST".to_owned(),
            path: format!("/{day}"),
            version: None,
            status: Some(200),
            request: String::new(),
        });
    }

    #[tokio::test]
    async fn entries_are_removed_after_400_days_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = open(folder.path()).await;
        let days = async || {
            let found = catalog.audit(AuditQuery::default()).await.unwrap();
            let paths = found.into_iter().map(|found| found.entry.path);
            paths.collect::<Vec<_>>()
        };
        for day in [1000, 1001, 1400] {
            record_on(&catalog, day);
            assert_eq!(catalog.audit.flush().await, 0);
        }
        assert_eq!(days().await, ["/1000", "/1001", "/1400"]);
        record_on(&catalog, 1401);
        assert_eq!(days().await, ["/1001", "/1400", "/1401"]);
    }

    #[tokio::test]
    async fn an_entry_that_the_database_does_not_take_is_counted_as_lost() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = open(folder.path()).await;
        catalog.database.close().await;
        record_on(&catalog, 1);
        assert_eq!(catalog.audit.close().await, 1, "the number that is told");
    }
}
