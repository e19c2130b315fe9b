//! The thread that makes all changes. Operations that wait at the same time are committed together,
//! since the disk takes as long for many as for one.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};

use rusqlite::{ErrorCode, ffi};
use tokio::sync::{mpsc, oneshot};

use super::super::Operation;
use super::{Session, run};
use crate::storage::BackendError;

/// The number of operations that can wait. Callers beyond it wait for a place.
const WAITING: usize = 1024;

/// The largest number of operations in one commit, which bounds how long the first of them waits.
const TOGETHER: usize = 256;

/// An operation and its reply: it is called with the transaction, and returns what to call with the
/// outcome of the commit.
type Job = Box<dyn FnOnce(&Session) -> Reply + Send>;
type Reply = Box<dyn FnOnce(Result<(), BackendError>) + Send>;

/// The writing thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(session: Session) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let thread = thread::Builder::new().name("sqlite-writer".to_owned());
        let thread = thread.spawn(move || write_all(&session, waiting))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    pub(super) async fn run<T, E>(&self, operation: impl Operation<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        let job: Job = Box::new(move |session| {
            let result = in_savepoint(session, operation);
            Box::new(move |committed| {
                let result = committed.map_err(E::from).and(result);
                // The caller may have gone away; its change stands.
                let _ = reply.send(result);
            })
        });
        let stopped = || E::from(BackendError::new("the database has stopped"));
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(job).await.map_err(|_| stopped())?;
        outcome.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Drop for Writer {
    /// Waits for the last commit, which takes milliseconds: the folder must not be opened again
    /// before.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write_all(session: &Session, mut waiting: mpsc::Receiver<Job>) {
    let mut jobs = Vec::new();
    while let Some(first) = waiting.blocking_recv() {
        jobs.push(first);
        while jobs.len() < TOGETHER
            && let Ok(next) = waiting.try_recv()
        {
            jobs.push(next);
        }
        let outcome = commit_together(session, &mut jobs);
        // After a failed fsync nobody knows what is on disk. Nothing more is written then: a later
        // commit could succeed on top of one that was lost.
        if outcome == Outcome::DiskUncertain {
            return;
        }
    }
}

/// Says whether the disk can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Known,
    DiskUncertain,
}

/// Runs the jobs in one transaction, and replies to each.
fn commit_together(session: &Session, jobs: &mut Vec<Job>) -> Outcome {
    let begun = session.run("BEGIN IMMEDIATE");
    let replies: Vec<Reply> = match &begun {
        Ok(()) => jobs.drain(..).map(|job| job(session)).collect(),
        // The reply to each is that the database has stopped.
        Err(_) => {
            jobs.clear();
            Vec::new()
        }
    };
    let committed = begun.and_then(|()| session.run("COMMIT"));
    let outcome = match &committed {
        Err(error) if is_failed_sync(error) => Outcome::DiskUncertain,
        _ => Outcome::Known,
    };
    if committed.is_err() && session.is_in_transaction() {
        let _ = session.run("ROLLBACK");
    }
    let committed = committed.map_err(BackendError::from);
    for reply in replies {
        reply(committed.clone());
    }
    outcome
}

/// Runs an operation in a savepoint, so that its failure undoes its own changes alone.
fn in_savepoint<T, E: From<BackendError>>(
    session: &Session,
    operation: impl Operation<T, E>,
) -> Result<T, E> {
    let failed = BackendError::from;
    session.run("SAVEPOINT operation").map_err(failed)?;
    let result = catch_unwind(AssertUnwindSafe(|| run(operation, session)));
    let result = result.unwrap_or_else(|_| Err(BackendError::new("an operation panicked").into()));
    if result.is_err() {
        session.run("ROLLBACK TO operation").map_err(failed)?;
    }
    session.run("RELEASE operation").map_err(failed)?;
    result
}

fn is_failed_sync(error: &rusqlite::Error) -> bool {
    let failed = [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC];
    error.sqlite_error().is_some_and(|error| {
        error.code == ErrorCode::SystemIoFailure && failed.contains(&error.extended_code)
    })
}
