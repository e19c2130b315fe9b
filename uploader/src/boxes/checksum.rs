//! Computes checksums of boxes, of the five kinds that Vagrant supports.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::digest::DynDigest;

/// The algorithm of a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChecksumKind {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256, which is computed for files without a checksum in the registry.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl ChecksumKind {
    /// Parses a name in any case. `None` for `NONE`, `UNSET` and any unknown name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "md5" => Self::Md5,
            "sha1" => Self::Sha1,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }

    /// Returns the name in catalogs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn hasher(self) -> Box<dyn DynDigest> {
        match self {
            Self::Md5 => Box::new(md5::Md5::default()),
            Self::Sha1 => Box::new(sha1::Sha1::default()),
            Self::Sha256 => Box::new(sha2::Sha256::default()),
            Self::Sha384 => Box::new(sha2::Sha384::default()),
            Self::Sha512 => Box::new(sha2::Sha512::default()),
        }
    }

    /// Computes the checksum of a file, and its size in bytes. This blocks.
    ///
    /// # Errors
    /// Fails when the file cannot be read; the error does not name the file.
    pub fn of_file(self, path: &Path) -> io::Result<(Checksum, u64)> {
        let mut file = File::open(path)?;
        let mut hasher = self.hasher();
        let mut buffer = vec![0; 256 * 1024];
        let mut size = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    hasher.update(&buffer[..read]);
                    size += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let mut value = String::new();
        for byte in hasher.finalize() {
            // Writing to a `String` cannot fail.
            let _ = write!(value, "{byte:02x}");
        }
        Ok((Checksum { kind: self, value }, size))
    }
}

/// A checksum: its algorithm, and hex digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// The algorithm.
    #[serde(rename = "checksum_type")]
    pub kind: ChecksumKind,
    /// The hex digits.
    #[serde(rename = "checksum")]
    pub value: String,
}

impl Checksum {
    /// Parses the digits of a checksum that a user gave.
    ///
    /// # Errors
    /// Returns a sentence about a text that is no checksum of this algorithm.
    pub fn told(kind: ChecksumKind, digits: &str) -> Result<Self, String> {
        let value = digits.trim().to_ascii_lowercase();
        let (name, length) = (kind.name(), 2 * kind.hasher().output_size());
        if value.len() != length || !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("a {name} has {length} hex digits"));
        }
        Ok(Self { kind, value })
    }

    /// Parses a registry's reply: an algorithm in any case, and the digits. `None` for `NONE`, `UNSET`, null and
    /// an empty text, by which registries say that they have no checksum.
    pub fn from_reply(kind: Option<&str>, value: Option<&str>) -> Option<Self> {
        let kind = ChecksumKind::parse(kind?)?;
        let value = value?.trim().to_ascii_lowercase();
        (!value.is_empty()).then_some(Self { kind, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_gives_the_published_checksum_of_abc() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        for (name, start) in [
            ("MD5", "900150983cd24fb0"),
            ("sha1", "a9993e364706816a"),
            ("SHA256", "ba7816bf8f01cfea"),
            ("sha384", "cb00753f45a35e8b"),
            ("Sha512", "ddaf35a193617aba"),
        ] {
            let kind = ChecksumKind::parse(name).unwrap();
            let (checksum, size) = kind.of_file(&path).unwrap();
            assert!(checksum.value.starts_with(start), "{name}: {checksum:?}");
            assert_eq!(size, 3);
        }
    }

    #[test]
    fn a_checksum_that_a_user_gives_has_the_length_of_its_algorithm() {
        let told = |kind, digits: &str| Checksum::told(kind, digits);
        let digits = " ABCDEF0123456789ABCDEF0123456789";
        let read = told(ChecksumKind::Md5, digits).unwrap();
        assert_eq!(read.value, digits.trim().to_lowercase());
        let refused = told(ChecksumKind::Sha256, digits).unwrap_err();
        assert_eq!(refused, "a sha256 has 64 hex digits");
        assert!(told(ChecksumKind::Md5, &"x".repeat(32)).is_err());
    }

    #[test]
    fn a_registry_says_in_many_ways_that_there_is_none() {
        for (kind, value) in [
            (None, Some("ab")),
            (Some("NONE"), Some("ab")),
            (Some("UNSET"), None),
            (Some(""), Some("ab")),
            (Some("sha256"), Some("")),
            (Some("sha256"), None),
        ] {
            assert_eq!(
                Checksum::from_reply(kind, value),
                None,
                "{kind:?} {value:?}"
            );
        }
        let parsed = Checksum::from_reply(Some("SHA1"), Some(" ABCD ")).unwrap();
        assert_eq!(
            (parsed.kind, parsed.value.as_str()),
            (ChecksumKind::Sha1, "abcd")
        );
    }
}
