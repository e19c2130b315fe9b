//! Stops an unpacking that nobody waits for any more, and knows what is still to be taken away.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Counts the pulls of this process whose files are not in their places, and have not been taken away.
static UNSETTLED: Mutex<usize> = Mutex::new(0);
/// Tells of each that is settled.
static SETTLED: Condvar = Condvar::new();

/// Waits until all that was being unpacked in this process is in its place or was taken away, but no
/// longer than this: what was given up is taken away on a thread of its own, which the end of the program
/// would not wait for. Blocks.
pub fn settle(at_most: Duration) {
    let count = UNSETTLED.lock().unwrap_or_else(PoisonError::into_inner);
    // After so long, whatever is left stays.
    let _ = SETTLED.wait_timeout_while(count, at_most, |count| *count > 0);
}

/// Counts as unsettled until it is dropped.
pub(super) struct Unsettled(());

impl Unsettled {
    pub(super) fn new() -> Self {
        *UNSETTLED.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(())
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        *UNSETTLED.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        SETTLED.notify_all();
    }
}

/// Gives an unpacking up when it is dropped; after its end nobody asks any more.
#[derive(Default)]
pub(super) struct Waiting(Arc<AtomicBool>);

impl Waiting {
    /// Returns what asks whether somebody waits still.
    pub(super) fn asked(&self) -> Asked {
        Asked(Arc::clone(&self.0))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks whether somebody waits for an unpacking still.
pub(super) struct Asked(Arc<AtomicBool>);

impl Asked {
    /// Fails once nobody waits any more.
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

/// Reads as long as somebody waits for it.
pub(super) struct WhileAsked<'a, R>(pub(super) R, pub(super) &'a Asked);

impl<R: Read> Read for WhileAsked<'_, R> {
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
        let waiting = Waiting::default();
        let asked = waiting.asked();
        let mut archive = WhileAsked(io::repeat(7), &asked);
        archive.read_exact(&mut [0; 10]).unwrap();
        drop(waiting);
        archive.read_exact(&mut [0; 10]).unwrap_err();
        asked.check().unwrap_err();
    }
}
