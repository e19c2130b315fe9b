//! Implements an executor of threads that each have a runtime of their own for the connections assigned to
//! them.
//!
//! The threads of a multi-threaded runtime share all tasks. A request takes microseconds, and waking another
//! thread took longer than it gained: on two processors, of which the clients need one, a second thread of a
//! shared runtime made searches slower.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::{CancellationToken, DropGuard};

/// An `Executor` owns threads. When it is dropped, the threads end, and all tasks on them.
#[derive(Debug)]
pub(crate) struct Executor {
    first: Handle,
    others: Vec<Handle>,
    next: AtomicUsize,
    _stop: DropGuard,
}

impl Executor {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// When the system gives no more threads or file descriptors.
    pub(crate) fn start(count: NonZeroUsize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let first = start(&stop)?;
        let others = (1..count.get()).map(|_| start(&stop));
        Ok(Self {
            first,
            others: others.collect::<io::Result<_>>()?,
            next: AtomicUsize::new(0),
            _stop: guard,
        })
    }

    /// Returns the first thread.
    pub(crate) fn first(&self) -> &Handle {
        &self.first
    }

    /// Returns the next thread, round-robin.
    pub(crate) fn next(&self) -> &Handle {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % (self.others.len() + 1);
        self.others.get(index).unwrap_or(&self.first)
    }
}

/// An `EventLoop` shuts its runtime down in the background when it is dropped. When the system gives no
/// thread, it is dropped within another runtime, where dropping a `Runtime` would panic; and nothing should
/// wait for blocking tasks, such as a read from disk.
struct EventLoop(Option<Runtime>);

impl Drop for EventLoop {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn start(stop: &CancellationToken) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let event_loop = EventLoop(Some(runtime));
    let stopped = stop.clone().cancelled_owned();
    let run = move || {
        // The closure captures the whole `EventLoop`, not its field, so that its `drop` runs here.
        let event_loop = event_loop;
        if let Some(runtime) = &event_loop.0 {
            runtime.block_on(stopped);
        }
    };
    thread::Builder::new()
        .name("mock-atlas".to_owned())
        .spawn(run)?;
    Ok(handle)
}
