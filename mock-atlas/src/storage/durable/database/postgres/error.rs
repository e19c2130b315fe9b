//! The failures of PostgreSQL: which of them may be gone when a client tries again, and in which words they are
//! told.

use std::error::Error as _;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::storage::BackendError;

/// The classes of SQLSTATE that tell of a database which cannot be used now: lost connections, too few resources
/// and an operator's intervention, a time-out among them.
const PASSING_CLASSES: [&str; 3] = ["08", "53", "57"];

/// Other passing failures: a lock that was not given in time, a transaction that was idle too long or has to be
/// tried again, and a server that has become a standby.
const PASSING: [SqlState; 5] = [
    SqlState::LOCK_NOT_AVAILABLE,
    SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    SqlState::T_R_SERIALIZATION_FAILURE,
    SqlState::T_R_DEADLOCK_DETECTED,
    SqlState::READ_ONLY_SQL_TRANSACTION,
];

/// Returns the failure of a statement. Values of columns, which could be secret, are left out.
pub(super) fn of_statement(error: &Error) -> BackendError {
    if error.code() == Some(&SqlState::DISK_FULL) {
        return BackendError::full(format!("the database has no room: {}", text(error)));
    }
    match is_passing(error) {
        true => BackendError::unavailable(format!("the database cannot be used: {}", text(error))),
        false => BackendError::new(format!("the database failed: {}", text(error))),
    }
}

/// Returns the failure of the statement that would have made a change final.
pub(super) fn of_commit(error: &Error) -> BackendError {
    if error.as_db_error().is_some() {
        return of_statement(error);
    }
    BackendError::unavailable(format!(
        "the database was lost while it confirmed the change, so that whether the change was made is \
         unknown: {}",
        text(error)
    ))
}

/// Returns the failure of an attempt to connect, for whatever reason.
pub(super) fn of_connection(error: &Error) -> BackendError {
    BackendError::unavailable(format!("the database cannot be reached: {}", text(error)))
}

/// Returns whether a connection can be used after a failure: the server has told of it, and stays.
pub(super) fn leaves_connection(error: &Error) -> bool {
    error.as_db_error().is_some() && !is_passing(error)
}

fn is_passing(error: &Error) -> bool {
    match error.as_db_error() {
        Some(error) => {
            let code = error.code();
            let is_of = |class: &&str| code.code().starts_with(*class);
            PASSING_CLASSES.iter().any(is_of) || PASSING.contains(code)
        }
        None => error.is_closed() || source::<io::Error>(error).is_some(),
    }
}

fn source<E: std::error::Error + 'static>(error: &Error) -> Option<&E> {
    error.source()?.downcast_ref()
}

/// Returns the words of a failure: those of the server without details, or of the system.
fn text(error: &Error) -> String {
    if let Some(error) = error.as_db_error() {
        return of_server(error);
    }
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn of_server(error: &DbError) -> String {
    format!("{} ({})", error.message(), error.code().code())
}
