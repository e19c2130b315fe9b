//! Bounds the memory that the texts of a template take: a short template can ask for endless text, since
//! a value can be doubled again and again.

use std::cell::Cell;

use super::error::TemplateError;
use crate::files::read::MAX_SETTINGS;

/// The deepest nesting. Packer follows a hundred references from one variable to the next; parentheses
/// and branches on the way count as well, since they share the stack.
const DEEPEST: usize = 128;

/// A count of the bytes and the depth of all texts that share these limits.
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
    /// Creates limits of `most` bytes.
    pub(super) fn new(most: u64) -> Self {
        Self {
            most,
            bytes: Cell::default(),
            depth: Cell::default(),
        }
    }

    /// Adds the bytes of a value, a text or a warning to the count.
    ///
    /// # Errors
    /// Fails when the count exceeds the limit.
    pub(super) fn take(&self, bytes: usize) -> Result<(), TemplateError> {
        let taken = self.bytes.get().saturating_add(bytes as u64);
        self.bytes.set(taken);
        within(taken, self.most)
    }

    /// Evaluates one level deeper.
    ///
    /// # Errors
    /// Fails when the nesting is too deep.
    pub(super) fn deeper<T>(
        &self,
        evaluate: impl FnOnce() -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        let depth = self.depth.get();
        if depth == DEEPEST {
            return Err("variables and parentheses are nested too deeply".into());
        }
        self.depth.set(depth + 1);
        let value = evaluate();
        self.depth.set(depth);
        value
    }
}

/// Checks, before a text is made, that its length is within bounds.
///
/// # Errors
/// Fails when the text would be too long.
pub(super) fn short_enough(bytes: u64) -> Result<(), TemplateError> {
    within(bytes, MAX_SETTINGS)
}

fn within(bytes: u64, most: u64) -> Result<(), TemplateError> {
    if bytes > most {
        return Err(format!("becomes longer than {most} bytes").into());
    }
    Ok(())
}
