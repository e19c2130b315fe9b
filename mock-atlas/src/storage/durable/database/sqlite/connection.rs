//! Connections with their settings.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

/// The number of prepared statements that a connection keeps.
const STATEMENTS: usize = 128;

/// The longest wait for a lock. Only a checkpoint can hold one, since there is one writer.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The size of a connection's page cache, in KiB.
const CACHE_KIB: i64 = 16 * 1024;

/// The size in bytes to which a write-ahead log is cut that has grown beyond it.
const LOG_BYTES: i64 = 64 * 1024 * 1024;

/// Creates the file of a database, which only its owner may read: it holds the secrets of webhooks. SQLite gives its
/// other files the same permissions. Where the file is there already, or cannot be made, opening it tells.
fn create(file: &Path) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(file));
}

/// Opens a database, and creates it if it is not there.
///
/// # Errors
/// When it cannot be opened, or is no database.
pub(super) fn open(file: &Path) -> rusqlite::Result<Connection> {
    create(file);
    let connection = Connection::open(file)?;
    connection.busy_timeout(LOCK_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A commit is on disk before it is acknowledged.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}
