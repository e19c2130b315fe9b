//! Cancels an unpacking whose future was dropped, and counts the temporary files that are still to be removed.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Counts the pulls of this process whose temporary files are neither moved nor removed.
static PENDING: Mutex<usize> = Mutex::new(0);
/// Is notified whenever one of them is cleaned up.
static CLEANED_UP: Condvar = Condvar::new();

/// Waits until all that was being unpacked in this process is in its place or was taken away, but no
/// longer than this: what was given up is taken away on a thread of its own, which the end of the program
/// would not wait for. Blocks.
pub fn wait_for_cleanup(at_most: Duration) {
    let count = PENDING.lock().unwrap_or_else(PoisonError::into_inner);
    // After so long, whatever is left stays.
    let _ = CLEANED_UP.wait_timeout_while(count, at_most, |count| *count > 0);
}

/// Counts one pull as pending until it is dropped.
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

/// Cancels an unpacking when it is dropped; one that has ended does not look any more.
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

/// Knows whether an unpacking is cancelled.
pub(super) struct CancellationToken(Arc<AtomicBool>);

impl CancellationToken {
    /// Fails once the unpacking is cancelled.
    ///
    /// # Errors
    /// The error says that nobody waits.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(io::Error::other("nobody waits for it any more")),
            false => Ok(()),
        }
    }
}

/// A reader that fails once it is cancelled.
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
    fn what_nobody_waits_for_is_not_read_further() {
        let guard = CancelOnDrop::default();
        let token = guard.token();
        let mut archive = Cancellable(io::repeat(7), &token);
        archive.read_exact(&mut [0; 10]).unwrap();
        drop(guard);
        archive.read_exact(&mut [0; 10]).unwrap_err();
        token.check().unwrap_err();
    }
}
