//! A fault says why a text cannot be interpolated.

use std::fmt;

/// A reason has at most so many characters.
const LONGEST: usize = 2000;

/// A fault is the reason why a text has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The text is one that Packer refuses, too.
    Mistake(String),
    /// The text is one that only Packer itself can give a value to.
    Packers(String),
    /// The reason has been told elsewhere.
    Told,
}

impl Fault {
    /// Returns the same fault, with other words.
    pub(super) fn reworded(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Mistake(reason) => Self::Mistake(words(reason)),
            Self::Packers(reason) => Self::Packers(words(reason)),
            Self::Told => Self::Told,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mistake(reason) | Self::Packers(reason) => f.write_str(reason),
            Self::Told => f.write_str("told already"),
        }
    }
}

impl From<String> for Fault {
    /// Keeps the beginning of a reason, which may repeat a value: each variable has a copy.
    fn from(reason: String) -> Self {
        Self::Mistake(match reason.char_indices().nth(LONGEST) {
            Some((end, _)) => reason[..end].to_owned() + "…",
            None => reason,
        })
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Self::Mistake(reason.to_owned())
    }
}
