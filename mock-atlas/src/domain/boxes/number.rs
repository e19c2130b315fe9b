//! Version numbers of boxes, in the order of RubyGems, which Vagrant follows.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use atlas_common::gem_version::{GemVersion, is_gem_version};
use serde::{Deserialize, Serialize, Serializer};

use crate::domain::text::truncated;

/// The longest number, in characters.
const MAX_LENGTH: usize = 50;

/// The version number of a box, such as `1.2.0` or `202012.21.0`. Numbers are equal if their texts
/// are, and ordered like RubyGems, so that `1.10` comes after `1.9`. A clone is cheap.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "String"))]
#[serde(try_from = "String")]
pub(crate) struct BoxNumber(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    text: String,
    order: GemVersion,
}

impl BoxNumber {
    pub(crate) fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Returns the number of the next minor version: `1.3.0` after `1.2.3`.
    pub(crate) fn next_minor(&self) -> Self {
        let mut parts = self.as_str().split(['.', '-']);
        let mut part = || parts.next().and_then(|part| part.parse::<u64>().ok());
        let major = part().unwrap_or_default();
        let minor = part().unwrap_or_default().saturating_add(1);
        Self::of(format!("{major}.{minor}.0"))
    }

    /// Returns the number that a box's first version has if nobody told one.
    pub(crate) fn first() -> Self {
        Self::of("0.1.0".to_owned())
    }

    fn of(text: String) -> Self {
        let order = GemVersion::of(&text);
        Self(Arc::new(Parsed { text, order }))
    }
}

impl FromStr for BoxNumber {
    type Err = BoxNumberError;

    // Contract: boxes.version-parts, boxes.version-unparseable, silent.box-version-text
    fn from_str(text: &str) -> Result<Self, BoxNumberError> {
        if text.chars().count() > MAX_LENGTH {
            return Err(BoxNumberError::TooLong(
                truncated(text, MAX_LENGTH).into_owned(),
            ));
        }
        if !is_gem_version(text) {
            return Err(BoxNumberError::Unparseable(text.to_owned()));
        }
        Ok(Self::of(text.to_owned()))
    }
}

impl TryFrom<String> for BoxNumber {
    type Error = BoxNumberError;

    fn try_from(text: String) -> Result<Self, BoxNumberError> {
        text.parse()
    }
}

/// The error for a text that is no version number of a box.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BoxNumberError {
    #[error("version {0:?} is longer than {MAX_LENGTH} characters")]
    TooLong(String),
    /// RubyGems cannot parse the number, and one such number makes Vagrant refuse the whole box.
    #[error(
        "version {0:?} is none that RubyGems can parse, and Vagrant would refuse the whole box: \
         begin with a number, and separate parts by periods, as in 1.2.0"
    )]
    Unparseable(String),
}

impl Ord for BoxNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.0.order.cmp(&other.0.order);
        order.then_with(|| self.as_str().cmp(other.as_str()))
    }
}

impl PartialOrd for BoxNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for BoxNumber {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for BoxNumber {}

impl fmt::Display for BoxNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for BoxNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> BoxNumber {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_are_ordered_by_value_and_told_apart_by_text() {
        assert!(number("1.9") < number("1.10"));
        assert!(number("1.0.0.rc1") < number("1.0.0"));
        assert_ne!(number("1.0"), number("1.0.0"));
        assert!(number("1.0") < number("1.0.0"));
    }

    #[test]
    fn the_minor_counts_up() {
        for (last, next) in [
            ("0.1.0", "0.2.0"),
            ("1.2.3", "1.3.0"),
            ("2", "2.1.0"),
            ("1.18.2.2", "1.19.0"),
            ("1.2.0-rc1", "1.3.0"),
        ] {
            assert_eq!(number(last).next_minor(), number(next), "{last}");
        }
    }

    #[test]
    fn a_number_that_vagrant_cannot_parse_is_refused() {
        for text in ["", "v1.2", "1..2", "1.2 ", "one"] {
            let error = text.parse::<BoxNumber>();
            assert!(
                matches!(error, Err(BoxNumberError::Unparseable(_))),
                "{text}"
            );
        }
        let long = "1".repeat(51).parse::<BoxNumber>();
        assert!(matches!(long, Err(BoxNumberError::TooLong(_))));
    }
}
