//! A connection on which operations run their statements.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::super::{Row, Value};
use crate::storage::BackendError;

/// A connection, used by one operation at a time. The lock is never contended: it lets the
/// operation's future be `Send`, as that of other databases must be.
#[derive(Debug)]
pub(in crate::storage::durable) struct Session(Mutex<Connection>);

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        Self(Mutex::new(connection))
    }

    /// Runs a statement that takes and gives nothing, such as `BEGIN`.
    pub(super) fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection()
            .prepare_cached(sql)?
            .execute([])
            .map(|_| ())
    }

    /// Returns whether a transaction is under way.
    pub(super) fn is_in_transaction(&self) -> bool {
        !self.connection().is_autocommit()
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::storage::durable::database) fn rows(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, BackendError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(sql)?;
        let columns = statement.column_count();
        let read = |row: &rusqlite::Row<'_>| {
            let values = (0..columns).map(|at| Ok(owned(row.get_ref(at)?)));
            values.collect::<rusqlite::Result<Vec<_>>>().map(Row::new)
        };
        let rows = statement.query_map(params_from_iter(values), read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(in crate::storage::durable::database) fn execute(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<usize, BackendError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.execute(params_from_iter(values))?)
    }
}

/// Copies a value out of a row. A text that is no UTF-8 is read as bytes, which no reader expects.
fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(bytes) => match str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Bytes(bytes.to_vec()),
        },
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
