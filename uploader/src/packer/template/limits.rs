//! `Limits` bounds what the texts of a template may take of the machine: a short one can ask for endless
//! ones, since a value can be doubled again and again.

use std::cell::Cell;

use super::error::TemplateError;
use crate::files::read::MAX_SETTINGS;

/// Packer follows a hundred references from one variable to the next; parentheses and branches on the way
/// count as well, since the stack is one for all of them.
const DEEPEST: usize = 128;

/// Counts what all texts that belong together have taken, up to a limit.
#[derive(Debug)]
pub(crate) struct Limits {
    most: u64,
    bytes: Cell<u64>,
    depth: Cell<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(MAX_SETTINGS)
    }
}

impl Limits {
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
    pub(super) fn take(&self, bytes: usize) -> Result<(), TemplateError> {
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
        evaluate: impl FnOnce() -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
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
pub(super) fn short_enough(bytes: u64) -> Result<(), TemplateError> {
    within(bytes, MAX_SETTINGS)
}

fn within(bytes: u64, most: u64) -> Result<(), TemplateError> {
    if bytes > most {
        return Err(format!("becomes longer than {most} bytes").into());
    }
    Ok(())
}
