//! Defines `TemplateError`, the reason why a text cannot be interpolated.

use std::fmt;

/// The most characters of a reason.
const LONGEST: usize = 2000;

/// The reason why a text cannot be interpolated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TemplateError {
    /// Packer refuses the text too.
    Invalid(String),
    /// Only Packer itself can interpolate the text.
    PackerOnly(String),
    /// The reason has been reported elsewhere.
    Reported,
}

impl TemplateError {
    /// Returns the same kind of error with another reason.
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
    /// Truncates a long reason: it may repeat a value, and each variable keeps a copy.
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
