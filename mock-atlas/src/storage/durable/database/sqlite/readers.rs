//! This module has connections for reading, each used by one operation at a time.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;

use super::super::Operation;
use super::{Session, connection, run};
use crate::storage::BackendError;

/// A pool of connections. It grows with the number of operations at a time, up to a limit.
#[derive(Debug)]
pub(super) struct Readers {
    pool: Arc<Pool>,
    permits: Semaphore,
}

#[derive(Debug)]
pub(super) struct Pool {
    file: PathBuf,
    /// The connections that are not in use; `None` once the pool is closed.
    idle: Mutex<Option<Vec<Session>>>,
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        let idle = Mutex::new(Some(Vec::new()));
        Self {
            pool: Arc::new(Pool { file, idle }),
            permits: Semaphore::new(2 * processors),
        }
    }

    /// Returns the connections, for whoever is to close them.
    pub(super) fn pool(&self) -> Arc<Pool> {
        Arc::clone(&self.pool)
    }

    pub(super) async fn run<T, E>(&self, operation: Operation<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        // The semaphore is never closed, so `acquire` does not fail.
        let _permit = self.permits.acquire().await;
        let pool = Arc::clone(&self.pool);
        on_thread(move || pool.run(operation)).await
    }

    /// Runs an operation that makes a change beside another process, which makes its own in turn.
    pub(super) async fn change<T, E>(&self, operation: Operation<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        let pool = Arc::clone(&self.pool);
        on_thread(move || pool.change(operation)).await
    }
}

/// Runs work that blocks on a thread for that. All work has one type there, since Tokio's code for it exists once for
/// each type.
async fn on_thread<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<BackendError> + Send + 'static,
{
    let (reply, outcome) = oneshot::channel();
    let work: Box<dyn FnOnce() + Send> = Box::new(move || {
        // The caller may have gone away.
        let _ = reply.send(work());
    });
    spawn_blocking(work).await.map_err(BackendError::from)?;
    let broke = || Err(BackendError::new("an operation of the database has no result").into());
    outcome.await.unwrap_or_else(|_| broke())
}

impl Pool {
    fn change<T, E: From<BackendError>>(&self, operation: Operation<T, E>) -> Result<T, E> {
        let failed = BackendError::from;
        let session = Session::new(connection::open(&self.file).map_err(failed)?);
        session.run("BEGIN IMMEDIATE").map_err(failed)?;
        let result = run(operation, &session)?;
        // Without this, as after an error, the change is undone when the session ends.
        session.run("COMMIT").map_err(failed)?;
        Ok(result)
    }

    /// Closes the connections that are not in use. Those in use are closed when their operation ends.
    pub(super) fn close(&self) {
        *self.idle() = None;
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Session>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<T, E: From<BackendError>>(&self, operation: Operation<T, E>) -> Result<T, E> {
        let closed = || BackendError::new("the database has stopped");
        let known = self.idle().as_mut().map(Vec::pop).ok_or_else(closed)?;
        let session = match known {
            Some(session) => session,
            None => Session::new(connection::open(&self.file).map_err(BackendError::from)?),
        };
        let failed = BackendError::from;
        session.run("BEGIN").map_err(failed)?;
        let result = run(operation, &session);
        // Without this, the session would keep its view and is of no further use.
        session.run("COMMIT").map_err(failed)?;
        if let Some(idle) = self.idle().as_mut() {
            idle.push(session);
        }
        result
    }
}
