//! An executor of the emulator's own: threads, each with a runtime for the connections that were given to it.
//!
//! The threads of one runtime of several share all tasks. Where what is done for a request takes
//! microseconds, waking each other took longer than they gained: on two processors, of which the
//! clients need one, a second thread of a runtime made searches slower.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::{CancellationToken, DropGuard};

/// An `Executor` owns threads. They end when it is dropped, and with them all that runs on them.
#[derive(Debug)]
pub(crate) struct Executor {
    first: Handle,
    others: Vec<Handle>,
    next: AtomicUsize,
    _stop: DropGuard,
}

impl Executor {
    /// Starts so many threads.
    ///
    /// # Errors
    /// What the system says when it gives no more threads or descriptors.
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

    /// Returns the threads one after the other, each in its turn.
    pub(crate) fn next(&self) -> &Handle {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % (self.others.len() + 1);
        self.others.get(index).unwrap_or(&self.first)
    }
}

/// The loop of a thread. It is dropped where dropping a runtime would panic, if the system gives no
/// thread; and nobody is to wait for what reads a disk, say.
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
        // As a whole: it is to be dropped here, at the end.
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
