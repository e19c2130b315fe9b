//! Checksums of a Vagrant box, as clients send them and servers show them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text::truncated;

/// The largest number of characters of a client's text that an error message repeats.
const LONGEST_SHOWN: usize = 50;

/// The algorithm of a [`Checksum`]: one of those that Vagrant verifies (contract: Boxes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChecksumKind {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl ChecksumKind {
    /// Returns the name in lower case, as Vagrant has it in its catalogs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the number of hexadecimal digits of a value.
    fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

impl FromStr for ChecksumKind {
    type Err = ChecksumError;

    /// Parses a name in any case.
    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        match text.to_ascii_lowercase().as_str() {
            "md5" => Ok(Self::Md5),
            "sha1" => Ok(Self::Sha1),
            "sha256" => Ok(Self::Sha256),
            "sha384" => Ok(Self::Sha384),
            "sha512" => Ok(Self::Sha512),
            _ => Err(ChecksumError::Kind(shown(text))),
        }
    }
}

impl fmt::Display for ChecksumKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A checksum: an algorithm, and a value in lower-case hexadecimal digits of the algorithm's length.
/// Displayed as `sha256:…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub(crate) struct Checksum {
    kind: ChecksumKind,
    value: Box<str>,
}

impl Checksum {
    /// Parses a checksum that a client tells as a type and a value, each in any case. Returns `None`
    /// if the type is empty, `NONE` or `UNSET`, or if the value is empty, by which clients say that
    /// there is no checksum.
    ///
    /// # Errors
    /// [`ChecksumError`] for an unknown type, and for a value that the type cannot have.
    pub(crate) fn told(kind: &str, value: &str) -> Result<Option<Self>, ChecksumError> {
        let (kind, value) = (kind.trim(), value.trim());
        let is_none = ["", "none", "unset"]
            .iter()
            .any(|no| kind.eq_ignore_ascii_case(no));
        if is_none || value.is_empty() {
            return Ok(None);
        }
        Self::new(kind.parse()?, value).map(Some)
    }

    /// Creates a checksum from digits in any case.
    fn new(kind: ChecksumKind, value: &str) -> Result<Self, ChecksumError> {
        if !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ChecksumError::Digits(kind, shown(value)));
        }
        if value.len() != kind.digits() {
            return Err(ChecksumError::Length(kind, value.len()));
        }
        let value = value.to_ascii_lowercase().into();
        Ok(Self { kind, value })
    }

    pub(crate) fn kind(&self) -> ChecksumKind {
        self.kind
    }

    /// Returns the hexadecimal digits, in lower case.
    pub(crate) fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.value)
    }
}

/// A checksum whose value has not been checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    kind: ChecksumKind,
    value: String,
}

impl TryFrom<Unchecked> for Checksum {
    type Error = ChecksumError;

    fn try_from(Unchecked { kind, value }: Unchecked) -> Result<Self, ChecksumError> {
        Self::new(kind, &value)
    }
}

/// An error that says why a text is not a checksum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChecksumError {
    #[error("the checksum type {0:?} is unknown: it must be md5, sha1, sha256, sha384 or sha512")]
    Kind(String),
    #[error("the checksum {1:?} is not a value of {0}: it must be hexadecimal digits only")]
    Digits(ChecksumKind, String),
    #[error("the checksum has {1} digits, and a value of {0} has {digits}", digits = .0.digits())]
    Length(ChecksumKind, usize),
}

fn shown(text: &str) -> String {
    truncated(text, LONGEST_SHOWN).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";

    #[test]
    fn a_checksum_is_read_in_any_case_and_shown_in_lower_case() {
        let told = Checksum::told(" Md5 ", &MD5.to_uppercase())
            .unwrap()
            .unwrap();
        assert_eq!((told.kind(), told.value()), (ChecksumKind::Md5, MD5));
        assert_eq!(told.to_string(), format!("md5:{MD5}"));
    }

    #[test]
    fn clients_say_in_many_ways_that_there_is_no_checksum() {
        for (kind, value) in [
            ("NONE", "00"),
            ("unset", ""),
            ("", MD5),
            ("sha256", ""),
            ("sha3", " "),
        ] {
            assert_eq!(Checksum::told(kind, value), Ok(None), "{kind:?} {value:?}");
        }
    }

    #[test]
    fn what_no_algorithm_can_give_is_refused_with_the_reason() {
        for (kind, value, expected) in [
            (
                "sha3",
                MD5,
                "the checksum type \"sha3\" is unknown: it must be md5, sha1, sha256, sha384 or sha512",
            ),
            (
                "SHA1",
                "0x12",
                "the checksum \"0x12\" is not a value of sha1: it must be hexadecimal digits only",
            ),
            (
                "sha256",
                MD5,
                "the checksum has 32 digits, and a value of sha256 has 64",
            ),
        ] {
            let error = Checksum::told(kind, value).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_stored_checksum_is_checked_as_a_told_one() {
        let told = Checksum::told("md5", MD5).unwrap().unwrap();
        let stored = serde_json::to_string(&told).unwrap();
        assert_eq!(stored, format!("{{\"kind\":\"md5\",\"value\":\"{MD5}\"}}"));
        assert_eq!(serde_json::from_str::<Checksum>(&stored).unwrap(), told);
        assert!(serde_json::from_str::<Checksum>(&stored.replace("md5", "sha1")).is_err());
    }

    proptest! {
        #[test]
        fn any_texts_are_a_checksum_or_none_or_a_clear_error(kind in any::<String>(), value in any::<String>()) {
            match Checksum::told(&kind, &value) {
                Ok(None) => {}
                Ok(Some(told)) => prop_assert_eq!(told.value(), value.trim().to_ascii_lowercase()),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}
