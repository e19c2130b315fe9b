//! The statements of an operation, on a connection and in a transaction.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join;
use futures_util::{FutureExt, TryStreamExt};
use tokio::time::timeout;
use tokio_postgres::Error;

use super::super::{Row, RowLock, Value};
use super::pool::Connection;
use super::{error, value};
use crate::storage::BackendError;

/// The longest wait for a reply. The server gives up earlier, unless the way to it is broken.
const LONGEST: Duration = Duration::from_secs(35);

/// Says how the statements of an operation belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Each statement stands for itself, and changes nothing.
    Statements,
    /// All statements see the database as it is at one moment, and change nothing.
    View,
    /// All changes are made together or not at all.
    Change,
    /// The operation has one statement, which is a change of its own.
    OneChange,
}

impl Scope {
    /// Returns the statements that begin a transaction. What they set ends with it, since the connection may be
    /// that of a pooler, and serve others in between.
    fn beginning(self) -> Option<&'static str> {
        match self {
            Self::Statements | Self::OneChange => None,
            Self::View => Some(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '30s'",
            ),
            Self::Change => Some(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = '30s'; \
                 SET LOCAL lock_timeout = '10s'; \
                 SET LOCAL idle_in_transaction_session_timeout = '60s'",
            ),
        }
    }
}

/// A connection in use by one operation.
#[derive(Debug)]
pub(in crate::storage::durable) struct Session<'a> {
    connection: Connection<'a>,
    scope: Scope,
    /// The number of statements so far.
    statements: AtomicUsize,
    /// Whether a statement has failed, so that nothing of the transaction can count.
    has_failed: AtomicBool,
    /// Whether the connection is of no further use.
    is_lost: AtomicBool,
}

impl<'a> Session<'a> {
    pub(super) fn new(connection: Connection<'a>, scope: Scope) -> Self {
        Self {
            connection,
            scope,
            statements: AtomicUsize::new(0),
            has_failed: AtomicBool::new(false),
            is_lost: AtomicBool::new(false),
        }
    }

    pub(in crate::storage::durable::database) async fn rows(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, BackendError> {
        Ok(self.run(sql, values).await?.0)
    }

    pub(in crate::storage::durable::database) async fn execute(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<usize, BackendError> {
        let (_, changed) = self.run(sql, values).await?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Returns the rows that a statement gives, which nobody else changes until the end of this transaction.
    pub(in crate::storage::durable::database) async fn locked_rows(
        &self,
        sql: &str,
        values: &[Value],
        lock: RowLock,
    ) -> Result<Vec<Row>, BackendError> {
        let lock = match lock {
            RowLock::Exclusive => "FOR UPDATE",
            RowLock::Shared => "FOR KEY SHARE",
        };
        self.rows(&format!("{sql} {lock}"), values).await
    }

    /// Runs a statement, with the beginning of the transaction before the first one: both go in one packet.
    async fn run(&self, sql: &str, values: &[Value]) -> Result<(Vec<Row>, u64), BackendError> {
        let at = self.statements.fetch_add(1, Ordering::Relaxed);
        if at > 0 && self.scope == Scope::OneChange {
            let refused = "a change that stands for itself had a second statement";
            return Err(BackendError::new(refused));
        }
        let beginning = self.scope.beginning().filter(|_| at == 0);
        let done = self.in_time(async {
            let statement = self.statement(sql, values);
            let Some(beginning) = beginning else {
                return statement.await;
            };
            let begin = self.connection.batch_execute(beginning);
            let (begun, done) = join(begin, statement).await;
            begun.and(done)
        });
        let failed = match self.scope {
            Scope::OneChange => error::of_commit,
            _ => error::of_statement,
        };
        done.await?.map_err(|error| {
            self.has_failed.store(true, Ordering::Relaxed);
            failed(&error)
        })
    }

    async fn statement(&self, sql: &str, values: &[Value]) -> Result<(Vec<Row>, u64), Error> {
        let typed = values.iter().map(|value| (value, value::type_of(value)));
        let stream = self.connection.query_typed_raw(sql, typed).await?;
        let mut stream = std::pin::pin!(stream);
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await? {
            rows.push(value::row(&row)?);
        }
        Ok((rows, stream.rows_affected().unwrap_or_default()))
    }

    /// Ends the transaction: what the operation changed counts only if it returned `Ok`. Gives the connection
    /// back, if it is of further use.
    ///
    /// # Errors
    /// The error of the operation, or that of the commit.
    pub(super) async fn end<T, E: From<BackendError>>(self, result: Result<T, E>) -> Result<T, E> {
        let has_failed = self.has_failed.load(Ordering::Relaxed);
        let result = match has_failed && result.is_ok() {
            true => Err(BackendError::new("the failure of a statement was passed over").into()),
            false => result,
        };
        let has_begun = self.statements.load(Ordering::Relaxed) > 0;
        let ended = match (self.scope, &result) {
            _ if !has_begun || self.is_lost() => Ok(()),
            (Scope::Statements | Scope::OneChange, _) => Ok(()),
            (Scope::Change, Ok(_)) => self.commit().await,
            (Scope::View, _) | (Scope::Change, Err(_)) => {
                self.leave_transaction();
                Ok(())
            }
        };
        if ended.is_ok() && !self.is_lost() {
            self.connection.give_back();
        }
        ended.map_err(E::from).and(result)
    }

    async fn commit(&self) -> Result<(), BackendError> {
        let committed = self.in_time(self.connection.batch_execute("COMMIT"));
        committed.await?.map_err(|error| error::of_commit(&error))
    }

    /// Rolls back without waiting for the reply: whoever uses the connection next comes after it.
    fn leave_transaction(&self) {
        let _ = self.connection.batch_execute("ROLLBACK").now_or_never();
    }

    fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// Waits for a reply, but not for ever.
    async fn in_time<T>(
        &self,
        reply: impl Future<Output = Result<T, Error>>,
    ) -> Result<Result<T, Error>, BackendError> {
        let replied = timeout(LONGEST, reply).await;
        if !matches!(&replied, Ok(Ok(_))) {
            self.note_failure(replied.as_ref().ok().and_then(|reply| reply.as_ref().err()));
        }
        replied.map_err(|_| {
            BackendError::unavailable(format!(
                "the database did not answer within {LONGEST:?}; whether a change was made is unknown"
            ))
        })
    }

    /// Notes a failure, which leaves the connection of use only if the server itself told of it.
    fn note_failure(&self, error: Option<&Error>) {
        self.has_failed.store(true, Ordering::Relaxed);
        match error {
            None => {
                self.is_lost.store(true, Ordering::Relaxed);
                self.connection.cancel();
            }
            Some(error) if error::leaves_connection(error) => {}
            Some(_) => self.is_lost.store(true, Ordering::Relaxed),
        }
    }
}
