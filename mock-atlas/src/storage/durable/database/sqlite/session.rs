//! A connection on which operations run their statements.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ffi, params_from_iter};

use super::super::{Row, Value};
use crate::storage::BackendError;

/// A connection, used by one operation at a time. The lock is never contended: it lets the
/// operation's future be `Send`, as that of other databases must be.
#[derive(Debug)]
pub(in crate::storage::durable) struct Session(Mutex<State>);

#[derive(Debug)]
struct State {
    connection: Connection,
    /// The failure of the statement that undid the whole transaction, if one did.
    undone: Option<BackendError>,
    failed_sync: Option<String>,
    /// Whether the transaction has taken tokens away.
    has_ended_tokens: bool,
}

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        Self(Mutex::new(State {
            connection,
            undone: None,
            failed_sync: None,
            has_ended_tokens: false,
        }))
    }

    /// Runs a statement that takes and gives nothing, such as `BEGIN`.
    pub(super) fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.with(|connection| connection.prepare_cached(sql)?.execute([]).map(|_| ()))
    }

    /// Returns this session if a transaction is under way.
    ///
    /// # Errors
    /// The reason for which it is not: the failure of a statement can undo the whole transaction.
    pub(super) fn in_transaction(&self) -> Result<&Self, BackendError> {
        let state = self.state();
        match state.connection.is_autocommit() {
            false => Ok(self),
            true => Err(state
                .undone
                .clone()
                .unwrap_or_else(|| BackendError::new("there is no transaction"))),
        }
    }

    /// Returns the reason if an fsync has failed.
    pub(super) fn failed_sync(&self) -> Option<String> {
        self.state().failed_sync.clone()
    }

    /// Notes that the transaction takes tokens away.
    pub(in crate::storage::durable::database) fn end_tokens(&self) {
        self.state().has_ended_tokens = true;
    }

    /// Returns whether tokens were taken away since this was asked last.
    pub(super) fn take_ended_tokens(&self) -> bool {
        mem::take(&mut self.state().has_ended_tokens)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs statements, and keeps what their failure says of the transaction and of the disk.
    fn with<T>(&self, run: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let mut state = self.state();
        let was_in_transaction = !state.connection.is_autocommit();
        let result = run(&state.connection);
        if let Err(error) = &result {
            if was_in_transaction && state.connection.is_autocommit() {
                state.undone = Some(BackendError::from(error));
            }
            if is_failed_sync(error) {
                let reason = format!("the database could not be brought to disk: {error}");
                state.failed_sync.get_or_insert(reason);
            }
        }
        result
    }

    pub(in crate::storage::durable::database) fn rows(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, BackendError> {
        let rows = self.with(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let columns = statement.column_count();
            let read = |row: &rusqlite::Row<'_>| {
                let values = (0..columns).map(|at| Ok(owned(row.get_ref(at)?)));
                values.collect::<rusqlite::Result<Vec<_>>>().map(Row::new)
            };
            let rows = statement.query_map(params_from_iter(values), read)?;
            rows.collect()
        });
        Ok(rows?)
    }

    pub(in crate::storage::durable::database) fn execute(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<usize, BackendError> {
        let changed = self.with(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            statement.execute(params_from_iter(values))
        });
        Ok(changed?)
    }
}

fn is_failed_sync(error: &rusqlite::Error) -> bool {
    let failed = [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC];
    error.sqlite_error().is_some_and(|error| {
        error.code == ErrorCode::SystemIoFailure && failed.contains(&error.extended_code)
    })
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
