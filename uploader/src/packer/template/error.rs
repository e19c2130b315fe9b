//! A `TemplateError` says why a text cannot be interpolated.

use std::fmt;

/// A reason has at most so many characters.
const LONGEST: usize = 2000;

/// The reason why a text has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TemplateError {
    /// The text is one that Packer refuses, too.
    Invalid(String),
    /// The text is one that only Packer itself can give a value to.
    PackerOnly(String),
    /// The reason has been told elsewhere.
    Reported,
}

impl TemplateError {
    /// Returns the same error, with other words.
    pub(super) fn map_reason(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Invalid(reason) => Self::Invalid(words(reason)),
            Self::PackerOnly(reason) => Self::PackerOnly(words(reason)),
            Self::Reported => Self::Reported,
        }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(reason) | Self::PackerOnly(reason) => f.write_str(reason),
            Self::Reported => f.write_str("told already"),
        }
    }
}

impl From<String> for TemplateError {
    /// Keeps the beginning of a reason, which may repeat a value: each variable has a copy.
    fn from(reason: String) -> Self {
        Self::Invalid(match reason.char_indices().nth(LONGEST) {
            Some((end, _)) => reason[..end].to_owned() + "…",
            None => reason,
        })
    }
}

impl From<&str> for TemplateError {
    fn from(reason: &str) -> Self {
        Self::Invalid(reason.to_owned())
    }
}
