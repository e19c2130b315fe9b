//! The bounds limit what the texts of a template may take of the machine: a short one can ask for endless
//! ones, since a value can be doubled again and again.

use std::cell::Cell;

use super::fault::Fault;
use crate::files::disk::MAX_SETTINGS;

/// Packer follows a hundred references from one variable to the next; parentheses and branches on the way
/// count as well, since the stack is one for all of them.
const DEEPEST: usize = 128;

/// The bounds count what all texts that belong together have taken.
#[derive(Debug)]
pub(crate) struct Bounds {
    most: u64,
    bytes: Cell<u64>,
    depth: Cell<usize>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self::new(MAX_SETTINGS)
    }
}

impl Bounds {
    /// Allows so many bytes.
    pub(super) fn new(most: u64) -> Self {
        Self {
            most,
            bytes: Cell::default(),
            depth: Cell::default(),
        }
    }

    /// Counts bytes that a value, a text or a warning takes.
    ///
    /// # Errors
    /// They are too many together.
    pub(super) fn take(&self, bytes: usize) -> Result<(), Fault> {
        let taken = self.bytes.get().saturating_add(bytes as u64);
        self.bytes.set(taken);
        within(taken, self.most)
    }

    /// Evaluates what stands one level deeper.
    ///
    /// # Errors
    /// There are too many levels.
    pub(super) fn deeper<T>(
        &self,
        evaluate: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let depth = self.depth.get();
        if depth == DEEPEST {
            return Err("too many variables and parentheses within each other".into());
        }
        self.depth.set(depth + 1);
        let value = evaluate();
        self.depth.set(depth);
        value
    }
}

/// Looks, before it is made, whether a text of so many bytes is short enough.
///
/// # Errors
/// It is not.
pub(super) fn short_enough(bytes: u64) -> Result<(), Fault> {
    within(bytes, MAX_SETTINGS)
}

fn within(bytes: u64, most: u64) -> Result<(), Fault> {
    if bytes > most {
        return Err(format!("becomes longer than {most} bytes").into());
    }
    Ok(())
}
