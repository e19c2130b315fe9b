//! A small interface to a database, for statements that every database of a durable home understands.
//!
//! - `value`: values of columns, and rows; `error`: the reasons for which a database cannot be opened
//! - `sqlite`: SQLite in a file: one writer, which groups commits, and a pool of readers
//! - `postgres`: PostgreSQL, which several servers share
//!
//! An operation is an async function that takes a [`Tx`]. SQLite runs it on a thread of its own,
//! where nothing ever waits, and PostgreSQL in a task of its own.

mod error;
mod postgres;
mod sqlite;
mod value;

use futures_util::future::BoxFuture;

use crate::storage::BackendError;
pub(crate) use error::OpenError;
pub(super) use postgres::Postgres;
pub(super) use sqlite::{FILE, Lock, Sqlite};
pub(super) use value::{Row, Value, values};

/// A database. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(super) enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// A transaction under way, or a consistent view for reading.
#[derive(Clone, Copy)]
pub(super) enum Tx<'a> {
    Sqlite(&'a sqlite::Session),
    Postgres(&'a postgres::Session<'a>),
}

/// Says what a lock on a row keeps others from. SQLite, with its one writer, needs none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowLock {
    /// The lock keeps others from every lock on the row.
    Exclusive,
    /// The lock keeps others from an exclusive lock on the row.
    Shared,
}

/// An operation: it takes a transaction, and its changes count only if it returns `Ok`. It is boxed, so that the code
/// that runs operations exists once for each type of result, and not for each operation.
type Operation<T, E> = Box<dyn for<'a> FnOnce(Tx<'a>) -> BoxFuture<'a, Result<T, E>> + Send>;

impl Database {
    /// Runs an operation that changes nothing, on a consistent view.
    ///
    /// # Errors
    /// The error of the operation, or the failure of the database.
    pub(super) async fn read<T, E>(
        &self,
        operation: impl for<'a> FnOnce(Tx<'a>) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(Box::new(operation)).await,
            Self::Postgres(postgres) => postgres.read(Box::new(operation)).await,
        }
    }

    /// Runs an operation that changes nothing and whose statements need no common view: there is one, or
    /// it makes no difference if something changes between them.
    ///
    /// # Errors
    /// The error of the operation, or the failure of the database.
    pub(super) async fn look_up<T, E>(
        &self,
        operation: impl for<'a> FnOnce(Tx<'a>) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(Box::new(operation)).await,
            Self::Postgres(postgres) => postgres.look_up(Box::new(operation)).await,
        }
    }

    /// Runs an operation in a transaction, and returns once its changes are on disk. It runs to its
    /// end even if the caller goes away.
    ///
    /// # Errors
    /// The error of the operation, or the failure of the database. Nothing is changed then.
    pub(super) async fn write<T, E>(
        &self,
        operation: impl for<'a> FnOnce(Tx<'a>) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        match self {
            Self::Sqlite(sqlite) => sqlite.write(Box::new(operation)).await,
            Self::Postgres(postgres) => postgres.write(Box::new(operation)).await,
        }
    }

    /// Runs an operation as [`Database::write`] does, whose changes PostgreSQL makes in one statement. It
    /// needs no transaction there.
    ///
    /// # Errors
    /// The errors of [`Database::write`].
    pub(super) async fn write_once<T, E>(
        &self,
        operation: impl for<'a> FnOnce(Tx<'a>) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        match self {
            Self::Sqlite(sqlite) => sqlite.write(Box::new(operation)).await,
            Self::Postgres(postgres) => postgres.write_once(Box::new(operation)).await,
        }
    }
}

impl Database {
    /// Commits what waits, and closes the database. Later operations fail.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(_) => {}
        }
    }

    /// Returns the number of connections that servers have to a database which several may share. Those that a server
    /// has not made yet cannot be seen, and a folder is locked.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn servers(&self) -> Result<u64, BackendError> {
        match self {
            Self::Sqlite(_) => Ok(0),
            Self::Postgres(postgres) => postgres.servers().await,
        }
    }

    /// Returns a number that grows with each commit that takes tokens away; `None` if another process may take
    /// them away unseen.
    pub(super) fn token_ends(&self) -> Option<u64> {
        match self {
            Self::Sqlite(sqlite) => sqlite.token_ends(),
            Self::Postgres(_) => None,
        }
    }

    /// Asks the database to check itself, and returns what it finds.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn check(&self) -> Result<Vec<String>, BackendError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.check().await,
            // It checks itself with each read, and keeps rows from naming rows that are not there.
            Self::Postgres(_) => Ok(Vec::new()),
        }
    }
}

impl Tx<'_> {
    /// Returns all rows that a statement gives. `$1`, `$2` and so on stand for the values, in the
    /// order of their first use.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn rows(self, sql: &str, values: &[Value]) -> Result<Vec<Row>, BackendError> {
        match self {
            Self::Sqlite(session) => session.rows(sql, values),
            Self::Postgres(session) => session.rows(sql, values).await,
        }
    }

    /// Returns the first row that a statement gives.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn row(
        self,
        sql: &str,
        values: &[Value],
    ) -> Result<Option<Row>, BackendError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Returns the first row that a statement gives, in its newest state, and locks it until the end of the
    /// transaction. The statement is a SELECT without `ORDER BY` and from one table.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn locked_row(
        self,
        sql: &str,
        values: &[Value],
        lock: RowLock,
    ) -> Result<Option<Row>, BackendError> {
        let rows = match self {
            Self::Sqlite(session) => session.rows(sql, values),
            Self::Postgres(session) => session.locked_rows(sql, values, lock).await,
        };
        Ok(rows?.into_iter().next())
    }

    /// Keeps all others from changing anything until the end of the transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn lock_all(self) -> Result<(), BackendError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(_) => {
                // Every other change begins with one of them.
                let sql = "LOCK TABLE namespace, artifact IN EXCLUSIVE MODE";
                self.execute(sql, &[]).await.map(|_| ())
            }
        }
    }

    /// Notes that the transaction takes tokens away, so that nobody goes on with what is
    /// [remembered](Database::token_ends) of them.
    pub(super) fn end_tokens(self) {
        match self {
            Self::Sqlite(session) => session.end_tokens(),
            Self::Postgres(_) => {}
        }
    }

    /// Runs a statement, and returns the number of rows that it changed.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn execute(self, sql: &str, values: &[Value]) -> Result<usize, BackendError> {
        match self {
            Self::Sqlite(session) => session.execute(sql, values),
            Self::Postgres(session) => session.execute(sql, values).await,
        }
    }
}
