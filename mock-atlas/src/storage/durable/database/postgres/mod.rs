//! PostgreSQL, which several servers share.
//!
//! - `location`: the URL of a database; `tls`: encrypted connections to it
//! - `pool`: connections, each used by one operation at a time
//! - `session`: the statements of an operation, and its transaction; `value`: values as PostgreSQL has them
//! - `schema`: the tables, and their upgrades
//! - `error`: what a failure means for the caller
//!
//! An operation runs in a task of its own, on a runtime of its own: it ends even if its caller has gone,
//! and no cancelled request can leave a connection in the middle of a transaction.
//!
//! Statements are neither named nor prepared, and no setting outlives its transaction. A pooler in
//! transaction mode can therefore stand in between.
//!
//! # Concurrent changes
//!
//! Changes run at the isolation level READ COMMITTED, and lock rows before they read what they will
//! change. Whoever waited for a lock reads the newest row, so nothing has to be tried again, as
//! SERIALIZABLE would ask for wherever two versions of one type are made. The order of locks is always the
//! same, so that no two changes wait for each other: a namespace, an artifact (by id where there are
//! several), what belongs to the artifact, and files by id. An operation on the whole catalog locks
//! the tables of namespaces and artifacts, with which all others begin.

mod error;
mod location;
mod pool;
mod schema;
mod session;
mod tls;
mod value;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;

use super::{OpenError, Operation, Tx};
use crate::storage::BackendError;
use location::Location;
use pool::Pool;
use session::Scope;
pub(in crate::storage::durable) use session::Session;

/// The number of threads that talk to the database. They mostly wait.
const THREADS: usize = 2;

/// The largest number of connections for reading, and for writing. Four servers with both stay below the
/// hundred connections that PostgreSQL allows by default.
const READERS: usize = 8;
const WRITERS: usize = 16;

/// A database of PostgreSQL. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(in crate::storage::durable) struct Postgres(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The runtime; `None` only while this is dropped.
    runtime: Option<Runtime>,
    // Writers that wait for each other must not keep readers from their connections.
    readers: Arc<Pool>,
    writers: Arc<Pool>,
    /// The URL without its password.
    shown: String,
}

impl Postgres {
    /// Connects to the database of a URL, and brings its tables to the newest schema.
    ///
    /// # Errors
    /// When the URL cannot be used, the database cannot be reached, or a newer program has upgraded it.
    pub(in crate::storage::durable) async fn open(url: &str) -> Result<Self, OpenError> {
        let location = Location::parse(url)?;
        let mut builder = runtime::Builder::new_multi_thread();
        let builder = builder.worker_threads(THREADS).thread_name("postgres");
        let runtime = builder.enable_all().build()?;
        let shown = location.shown();
        let inner = Inner {
            readers: Arc::new(Pool::new(location.clone(), READERS)),
            writers: Arc::new(Pool::new(location, WRITERS)),
            runtime: Some(runtime),
            shown,
        };
        let postgres = Self(Arc::new(inner));
        let writers = Arc::clone(&postgres.0.writers);
        let upgrade = postgres.finish(async move { schema::upgrade(&writers).await });
        upgrade.await.map_err(|error| postgres.named(error))?;
        Ok(postgres)
    }

    /// Returns the URL without its password.
    pub(in crate::storage::durable) fn shown(&self) -> &str {
        &self.0.shown
    }

    /// Returns the number of connections of servers to the database. This process must call itself otherwise, by the
    /// option `application_name` of the URL.
    pub(super) async fn servers(&self) -> Result<u64, BackendError> {
        let count = self.look_up(Box::new(|tx: Tx<'_>| {
            Box::pin(async move {
                let sql = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'mock-atlas'";
                let counted = tx.row(sql, &[]).await?;
                counted.map_or(Ok(0), |mut row| row.take())
            })
        }));
        count.await
    }

    /// Returns an error of the start with the name of the database.
    fn named(&self, error: OpenError) -> OpenError {
        match error {
            OpenError::Failed(error) => OpenError::Connection {
                place: self.0.shown.clone(),
                reason: error.to_string(),
            },
            other => other,
        }
    }

    pub(super) async fn read<T, E>(&self, operation: Operation<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        self.run(&self.0.readers, Scope::View, operation).await
    }

    pub(super) async fn look_up<T, E>(&self, operation: Operation<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        self.run(&self.0.readers, Scope::Statements, operation)
            .await
    }

    pub(super) async fn write<T, E>(&self, operation: Operation<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        self.run(&self.0.writers, Scope::Change, operation).await
    }

    pub(super) async fn write_once<T, E>(&self, operation: Operation<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        self.run(&self.0.writers, Scope::OneChange, operation).await
    }

    async fn run<T, E>(
        &self,
        pool: &Arc<Pool>,
        scope: Scope,
        operation: Operation<T, E>,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        let pool = Arc::clone(pool);
        self.finish(async move {
            let session = Session::new(pool.take().await?, scope);
            let result = operation(Tx::Postgres(&session)).await;
            session.end(result).await
        })
        .await
    }

    /// Runs a task to its end, even if the caller goes away. All tasks have one type, since Tokio's code for a task
    /// exists once for each type.
    async fn finish<T, E>(
        &self,
        task: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        let task = async move {
            // The caller may have gone away.
            let _ = reply.send(task.await);
        };
        self.spawn(task.boxed());
        let broke = || Err(BackendError::new("an operation of the database panicked").into());
        outcome.await.unwrap_or_else(|_| broke())
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        match &self.0.runtime {
            Some(runtime) => runtime.spawn(task),
            // There is a runtime as long as there is a handle.
            None => tokio::spawn(task),
        };
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping it would wait for its tasks, which a caller within a runtime must not do.
            runtime.shutdown_background();
        }
    }
}
