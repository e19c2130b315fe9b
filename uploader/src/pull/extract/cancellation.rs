//! Cancels an unpacking whose future was dropped, and counts the temporary files that are still to be
//! removed.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The number of pulls of this process whose temporary files are neither moved nor removed.
static PENDING: Mutex<usize> = Mutex::new(0);
/// A condition that is notified after each cleanup.
static CLEANED_UP: Condvar = Condvar::new();

/// Waits, for at most this time, until everything that this process was unpacking is moved to its place or
/// removed. A cancelled unpacking is removed on a blocking thread, which the end of the process would not
/// wait for. Blocks.
pub fn wait_for_cleanup(at_most: Duration) {
    let count = PENDING.lock().unwrap_or_else(PoisonError::into_inner);
    // What is left after the timeout is not removed.
    let _ = CLEANED_UP.wait_timeout_while(count, at_most, |count| *count > 0);
}

/// A guard that counts one pull as pending until it is dropped.
pub(super) struct CleanupPending(());

impl CleanupPending {
    pub(super) fn new() -> Self {
        *PENDING.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(())
    }
}

impl Drop for CleanupPending {
    fn drop(&mut self) {
        *PENDING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        CLEANED_UP.notify_all();
    }
}

/// A guard that cancels an unpacking on drop. An unpacking that has ended no longer checks it.
#[derive(Default)]
pub(super) struct CancelOnDrop(Arc<AtomicBool>);

impl CancelOnDrop {
    /// Returns a token by which the unpacking learns that it is cancelled.
    pub(super) fn token(&self) -> CancellationToken {
        CancellationToken(Arc::clone(&self.0))
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A token that tells whether an unpacking is cancelled.
pub(super) struct CancellationToken(Arc<AtomicBool>);

impl CancellationToken {
    /// Fails once the unpacking is cancelled.
    ///
    /// # Errors
    /// Returns an error once it is cancelled.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(io::Error::other("the unpacking was cancelled")),
            false => Ok(()),
        }
    }
}

/// A reader that fails once the unpacking is cancelled.
pub(super) struct Cancellable<'a, R>(pub(super) R, pub(super) &'a CancellationToken);

impl<R: Read> Read for Cancellable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1.check()?;
        self.0.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_unpacking_reads_no_further() {
        let guard = CancelOnDrop::default();
        let token = guard.token();
        let mut archive = Cancellable(io::repeat(7), &token);
        archive.read_exact(&mut [0; 10]).unwrap();
        drop(guard);
        archive.read_exact(&mut [0; 10]).unwrap_err();
        token.check().unwrap_err();
    }
}
