//! A small interface to a database, for statements that every database of a durable home understands.
//!
//! - `value`: values of columns, and rows
//! - `sqlite`: SQLite in a file: one writer, which groups commits, and a pool of readers
//!
//! An operation is an async function that takes a [`Tx`]. SQLite runs it on a thread of its own,
//! where nothing ever waits.

mod sqlite;
mod value;

use futures_util::future::BoxFuture;

use crate::storage::BackendError;
pub(crate) use sqlite::OpenError;
pub(super) use sqlite::Sqlite;
pub(super) use value::{Row, Value, values};

/// A database. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(super) enum Database {
    Sqlite(Sqlite),
}

/// A transaction under way, or a consistent view for reading.
#[derive(Clone, Copy)]
pub(super) enum Tx<'a> {
    Sqlite(&'a sqlite::Session),
}

/// An operation: it takes a transaction, and its changes count only if it returns `Ok`.
pub(super) trait Operation<T, E>:
    for<'a> FnOnce(Tx<'a>) -> BoxFuture<'a, Result<T, E>> + Send + 'static
{
}

impl<T, E, F> Operation<T, E> for F where
    F: for<'a> FnOnce(Tx<'a>) -> BoxFuture<'a, Result<T, E>> + Send + 'static
{
}

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
            Self::Sqlite(sqlite) => sqlite.read(operation).await,
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
            Self::Sqlite(sqlite) => sqlite.write(operation).await,
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

    /// Runs a statement, and returns the number of rows that it changed.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn execute(self, sql: &str, values: &[Value]) -> Result<usize, BackendError> {
        match self {
            Self::Sqlite(session) => session.execute(sql, values),
        }
    }
}
