//! The thread that makes all changes. Operations that wait at the same time are committed together,
//! since the disk takes as long for many as for one.

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::super::Operation;
use super::folder::Lock;
use super::log::Log;
use super::readers::Pool;
use super::{Session, run};
use crate::storage::BackendError;
use crate::storage::disk::Disk;

/// The number of operations that can wait. Callers beyond it wait for a place.
const WAITING: usize = 1024;

/// The largest number of operations in one commit, which bounds how long the first of them waits.
const TOGETHER: usize = 256;

/// The longest wait for the end of the thread, which has a last commit and a checkpoint to make.
const CLOSING: Duration = Duration::from_secs(10);

/// An operation and its reply: it is called with the transaction, or with the reason for which there
/// is none, and returns what to call with the outcome of the commit.
type Job = Box<dyn FnOnce(Result<&Session, BackendError>) -> Reply + Send>;
type Reply = Box<dyn FnOnce(Result<(), BackendError>) + Send>;

/// A message to the writing thread.
enum Message {
    Run(Job),
    Close,
}

/// The writing thread. It ends by itself once this is dropped and what waits is committed.
#[derive(Debug)]
pub(super) struct Writer {
    messages: mpsc::Sender<Message>,
    /// The number of commits that took tokens away.
    token_ends: Arc<AtomicU64>,
    /// Cancelled when the thread has ended.
    ended: CancellationToken,
}

impl Writer {
    /// Starts the thread. At its end it closes the readers as well, and gives the lock back last.
    pub(super) fn start(
        session: Session,
        log: Log,
        readers: Arc<Pool>,
        disk: Disk,
        lock: Lock,
    ) -> io::Result<Self> {
        let (messages, waiting) = mpsc::channel(WAITING);
        let (token_ends, ended) = (Arc::<AtomicU64>::default(), CancellationToken::new());
        let thread = Thread {
            session,
            log,
            readers,
            disk,
            lock,
            token_ends: Arc::clone(&token_ends),
            ended: ended.clone().drop_guard(),
        };
        let named = thread::Builder::new().name("sqlite-writer".to_owned());
        named.spawn(move || thread.run(waiting))?;
        Ok(Self {
            messages,
            token_ends,
            ended,
        })
    }

    /// Returns the number of commits that took tokens away. Whoever took one away is told after it has grown.
    pub(super) fn token_ends(&self) -> u64 {
        self.token_ends.load(Ordering::Acquire)
    }

    pub(super) async fn run<T, E>(&self, operation: Operation<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BackendError> + Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        let job: Job = Box::new(move |session| {
            let result = session.map_err(E::from);
            let result = result.and_then(|session| in_savepoint(session, operation));
            Box::new(move |committed| {
                let result = committed.map_err(E::from).and(result);
                // The caller may have gone away; its change stands.
                let _ = reply.send(result);
            })
        });
        let stopped = || E::from(BackendError::new("the database has stopped"));
        let sent = self.messages.send(Message::Run(job)).await;
        sent.map_err(|_| stopped())?;
        outcome.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Ends the thread, once it has committed what waits. Later operations fail.
    pub(super) async fn close(&self) {
        // It fails when the thread has ended already.
        let _ = self.messages.send(Message::Close).await;
        if timeout(CLOSING, self.ended.cancelled()).await.is_err() {
            tracing::warn!("the database was not closed in time, so the next start takes longer");
        }
    }
}

/// The state of the writing thread.
struct Thread {
    session: Session,
    log: Log,
    readers: Arc<Pool>,
    disk: Disk,
    lock: Lock,
    token_ends: Arc<AtomicU64>,
    ended: DropGuard,
}

impl Thread {
    fn run(mut self, waiting: mpsc::Receiver<Message>) {
        let work = AssertUnwindSafe(|| self.write_all(waiting));
        if catch_unwind(work).is_err() {
            self.disk.fail("the thread that writes the database broke");
        }
        self.readers.close();
        drop(self.session);
        match self.disk.failure() {
            None => drop(self.lock),
            // Nobody may go on from what this process believes to be on disk.
            Some(_) => mem::forget(self.lock),
        }
        drop(self.ended);
    }

    /// Runs the jobs that come, until there are no more.
    fn write_all(&mut self, mut waiting: mpsc::Receiver<Message>) {
        let mut jobs = Vec::new();
        while let Some(first) = waiting.blocking_recv() {
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Run(job) => jobs.push(job),
                    // Those that wait are still received.
                    Message::Close => waiting.close(),
                }
                next = match jobs.len() < TOGETHER {
                    true => waiting.try_recv().ok(),
                    false => None,
                };
            }
            self.commit_together(&mut jobs);
            self.log.shorten(&self.session);
            if let Some(reason) = self.session.failed_sync() {
                self.disk.fail(&reason);
            }
        }
    }

    /// Runs the jobs in one transaction, and replies to each.
    fn commit_together(&self, jobs: &mut Vec<Job>) {
        let session = &self.session;
        let begun = match self.disk.failure() {
            // A commit could succeed on top of one that was lost.
            Some(reason) => Err(BackendError::new(reason)),
            None => session.run("BEGIN IMMEDIATE").map_err(BackendError::from),
        };
        // A statement that finds no space undoes the whole transaction.
        let current = || begun.clone().and_then(|()| session.in_transaction());
        let replies: Vec<Reply> = jobs.drain(..).map(|job| job(current())).collect();
        let commit = |session: &Session| session.run("COMMIT").map_err(BackendError::from);
        let committed = current().and_then(commit);
        if committed.is_err()
            && let Ok(session) = session.in_transaction()
            && session.run("ROLLBACK").is_err()
        {
            self.disk.fail("the database could not undo a transaction");
        }
        if session.take_ended_tokens() {
            self.token_ends.fetch_add(1, Ordering::Release);
        }
        for reply in replies {
            reply(committed.clone());
        }
    }
}

/// Runs an operation in a savepoint, so that its failure undoes its own changes alone.
fn in_savepoint<T, E: From<BackendError>>(
    session: &Session,
    operation: Operation<T, E>,
) -> Result<T, E> {
    let failed = BackendError::from;
    session.run("SAVEPOINT operation").map_err(failed)?;
    let result = catch_unwind(AssertUnwindSafe(|| run(operation, session)));
    let result = result.unwrap_or_else(|_| Err(BackendError::new("an operation panicked").into()));
    // Where the whole transaction is undone already, that is the reason of the failure.
    session.in_transaction()?;
    if result.is_err() {
        session.run("ROLLBACK TO operation").map_err(failed)?;
    }
    session.run("RELEASE operation").map_err(failed)?;
    result
}
