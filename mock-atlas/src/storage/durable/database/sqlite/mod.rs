//! SQLite in a file of a folder: in WAL mode, with `synchronous=FULL`.
//!
//! - `writer`: the thread that makes all changes, and commits those that wait together
//! - `log`: the write-ahead log, whose pages are moved to the database
//! - `readers`: connections for reading
//! - `connection`: a connection with its settings; `session`: the statements of an operation
//! - `schema`: the tables, and their upgrades
//! - `folder`: checks the folder, and locks it

mod connection;
mod folder;
mod log;
mod readers;
mod schema;
mod session;
mod writer;

use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use rusqlite::{ErrorCode, ffi};

use super::{OpenError, Operation, Tx};
use crate::storage::BackendError;
use crate::storage::disk::Disk;
pub(in crate::storage::durable) use folder::Lock;
use log::Log;
use readers::Readers;
pub(in crate::storage::durable) use session::Session;
use writer::Writer;

/// The first version of SQLite whose WAL cannot lose a commit when it begins anew.
const LOWEST_VERSION: i32 = 3_051_003;

/// The name of the database in its folder.
pub(in crate::storage::durable) const FILE: &str = "atlas.sqlite3";

/// A database of SQLite. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(in crate::storage::durable) struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The thread that makes all changes; `None` beside another process, which makes them.
    writer: Option<Writer>,
    readers: Readers,
}

impl Sqlite {
    /// Opens the database in a folder, and creates it if it is not there. Nothing is written once the disk
    /// has failed. Blocks while it does.
    ///
    /// # Errors
    /// When another process has the folder, the folder is on a network file system, or the database
    /// cannot be opened.
    pub(in crate::storage::durable) fn open(folder: &Path, disk: Disk) -> Result<Self, OpenError> {
        if rusqlite::version_number() < LOWEST_VERSION {
            return Err(OpenError::Version(rusqlite::version()));
        }
        let lock = Lock::take(folder, &disk)?;
        let file = folder.join(FILE);
        let mut writing = connection::open(&file)?;
        schema::upgrade(&mut writing)?;
        let log = Log::of(&mut writing)?;
        let readers = Readers::new(file);
        let writer = Writer::start(Session::new(writing), log, readers.pool(), disk, lock)?;
        Ok(Self(Arc::new(Inner {
            writer: Some(writer),
            readers,
        })))
    }

    /// Commits what waits, and closes the database. Later operations fail.
    pub(super) async fn close(&self) {
        if let Some(writer) = &self.0.writer {
            writer.close().await;
        }
    }

    /// Opens the database in a folder which another process may have. Blocks while it does.
    ///
    /// # Errors
    /// When there is none, or it has another schema than this program.
    pub(in crate::storage::durable) fn open_beside(folder: &Path) -> Result<Self, OpenError> {
        let file = folder.join(FILE);
        if !file.is_file() {
            return Err(OpenError::NoDatabase(folder.to_owned()));
        }
        schema::check(&connection::open(&file)?)?;
        let inner = Inner {
            writer: None,
            readers: Readers::new(file),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Returns a number that grows with each commit that takes tokens away; `None` beside another process, which
    /// may take them away.
    pub(super) fn token_ends(&self) -> Option<u64> {
        self.0.writer.as_ref().map(Writer::token_ends)
    }

    /// Checks the pages of the database, and that each row names rows that are there.
    pub(super) async fn check(&self) -> Result<Vec<String>, BackendError> {
        self.read(Box::new(|tx| {
            Box::pin(async move {
                let mut found = Vec::new();
                for mut row in tx.rows("PRAGMA integrity_check", &[]).await? {
                    found.extend(Some(row.take()?).filter(|text: &String| text != "ok"));
                }
                for mut row in tx.rows("PRAGMA foreign_key_check", &[]).await? {
                    let (table, id): (String, Option<i64>) = (row.take()?, row.take()?);
                    let (parent, id): (String, _) = (row.take()?, id.unwrap_or_default());
                    found.push(format!("the row {id} of {table} names no row of {parent}"));
                }
                Ok(found)
            })
        }))
        .await
    }

    pub(super) async fn read<T, E>(&self, operation: Operation<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        self.0.readers.run(operation).await
    }

    pub(super) async fn write<T, E>(&self, operation: Operation<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        match &self.0.writer {
            Some(writer) => writer.run(operation).await,
            None => self.0.readers.change(operation).await,
        }
    }
}

/// Runs an operation, whose statements are all done at once.
fn run<T, E: From<BackendError>>(operation: Operation<T, E>, session: &Session) -> Result<T, E> {
    let ended = operation(Tx::Sqlite(session)).now_or_never();
    ended.unwrap_or_else(|| Err(BackendError::new("an operation of SQLite waited").into()))
}

fn is_full(failure: &ffi::Error) -> bool {
    // The file of the memory that processes share grows with the log.
    failure.code == ErrorCode::DiskFull || failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE
}

impl From<rusqlite::Error> for BackendError {
    fn from(error: rusqlite::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&rusqlite::Error> for BackendError {
    fn from(error: &rusqlite::Error) -> Self {
        let message = format!("the database failed: {error}");
        match error.sqlite_error() {
            Some(failure) if is_full(failure) => Self::full(message),
            Some(failure) if failure.code == ErrorCode::DatabaseBusy => Self::unavailable(message),
            Some(_) | None => Self::new(message),
        }
    }
}
