//! Checksums of a Vagrant box, as clients send them and servers show them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::digest::DynDigest;

use super::digest::hexadecimal;
use super::text::truncated;

/// The largest number of characters of a client's text that an error message repeats.
const LONGEST_SHOWN: usize = 50;

/// The longest value, in characters: that of a SHA-512.
const LONGEST_VALUE: usize = 128;

/// The algorithm of a [`Checksum`]: one of those that Vagrant verifies (contract: Boxes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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

    fn algorithm(self) -> Box<dyn DynDigest + Send> {
        match self {
            Self::Md5 => Box::<md5::Md5>::default(),
            Self::Sha1 => Box::<sha1::Sha1>::default(),
            Self::Sha256 => Box::<sha2::Sha256>::default(),
            Self::Sha384 => Box::<sha2::Sha384>::default(),
            Self::Sha512 => Box::<sha2::Sha512>::default(),
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

/// A checksum: an algorithm, and a value in lower case. Displayed as `sha256:…`.
///
/// The value can be any text, since the recorded requests of genuine clients have values that no
/// algorithm gives, which the genuine service took. Vagrant finds such a value to be wrong.
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
    /// [`ChecksumError`] for an unknown type, and for a value that is longer than any checksum.
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

    fn new(kind: ChecksumKind, value: &str) -> Result<Self, ChecksumError> {
        if value.chars().count() > LONGEST_VALUE {
            return Err(ChecksumError::TooLong(shown(value)));
        }
        let value = value.to_ascii_lowercase().into();
        Ok(Self { kind, value })
    }

    /// Creates a checksum from the bytes that the algorithm of this kind computed.
    pub(super) fn computed(kind: ChecksumKind, bytes: &[u8]) -> Self {
        let value = hexadecimal("", bytes).into();
        Self { kind, value }
    }

    pub(crate) fn kind(&self) -> ChecksumKind {
        self.kind
    }

    /// Returns the value, in lower case.
    pub(crate) fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.value)
    }
}

/// A hasher that computes a checksum of bytes as they pass.
pub(crate) struct ChecksumHasher {
    kind: ChecksumKind,
    algorithm: Box<dyn DynDigest + Send>,
}

impl ChecksumHasher {
    pub(crate) fn new(kind: ChecksumKind) -> Self {
        let algorithm = kind.algorithm();
        Self { kind, algorithm }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.algorithm.update(bytes);
    }

    /// Returns the checksum of all bytes that have passed.
    pub(crate) fn finish(self) -> Checksum {
        Checksum::computed(self.kind, &self.algorithm.finalize())
    }
}

impl fmt::Debug for ChecksumHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChecksumHasher")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
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
    #[error("the checksum {0:?} is longer than {LONGEST_VALUE} characters, as many as sha512 has")]
    TooLong(String),
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
    fn an_unknown_type_and_a_value_without_end_are_refused_with_the_reason() {
        let error = Checksum::told("sha3", MD5).unwrap_err().to_string();
        assert_eq!(
            error,
            "the checksum type \"sha3\" is unknown: it must be md5, sha1, sha256, sha384 or sha512"
        );
        assert!(Checksum::told("sha512", &"f".repeat(128)).is_ok());
        let error = Checksum::told("sha512", &"f".repeat(129)).unwrap_err();
        assert!(error.to_string().contains("longer than 128 characters"));
    }

    #[test]
    fn a_value_that_no_algorithm_gives_is_taken() {
        let told = Checksum::told("sha256", "abc").unwrap().unwrap();
        assert_eq!(told.to_string(), "sha256:abc");
    }

    #[test]
    fn each_kind_gives_the_published_checksum_of_abc() {
        for (kind, start) in [
            (ChecksumKind::Md5, MD5),
            (
                ChecksumKind::Sha1,
                "a9993e364706816aba3e25717850c26c9cd0d89d",
            ),
            (ChecksumKind::Sha256, "ba7816bf8f01cfea"),
            (ChecksumKind::Sha384, "cb00753f45a35e8b"),
            (ChecksumKind::Sha512, "ddaf35a193617aba"),
        ] {
            let mut hasher = ChecksumHasher::new(kind);
            hasher.update(b"a");
            hasher.update(b"bc");
            let computed = hasher.finish();
            assert!(computed.value().starts_with(start), "{computed}");
            let told = Checksum::told(kind.name(), computed.value());
            assert_eq!(told, Ok(Some(computed)));
        }
    }

    #[test]
    fn a_stored_checksum_is_checked_as_a_told_one() {
        let told = Checksum::told("md5", MD5).unwrap().unwrap();
        let stored = serde_json::to_string(&told).unwrap();
        assert_eq!(stored, format!("{{\"kind\":\"md5\",\"value\":\"{MD5}\"}}"));
        assert_eq!(serde_json::from_str::<Checksum>(&stored).unwrap(), told);
        assert!(serde_json::from_str::<Checksum>(&stored.replace("md5", "md4")).is_err());
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
