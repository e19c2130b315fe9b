//! Computes digests: BLAKE3 for what is sent, since it keeps up with the disk, and SHA-256 where an older
//! server or an older push names that.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A digest algorithm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// BLAKE3, several times as fast as SHA-256.
    #[default]
    Blake3,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// All algorithms, the preferred one first.
    pub const ALL: [Self; 2] = [Self::Blake3, Self::Sha256];

    /// Returns the name that a digest prints before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
        }
    }
}

/// A digest of 256 bits. It prints as the algorithm, a colon, and 64 lower-case hex digits. Digests of
/// different algorithms cannot be compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: [u8; 32],
}

impl Digest {
    /// Parses exactly 64 hex digits.
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Option<Self> {
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self { algorithm, bytes })
    }

    /// Parses an `ETag`. Returns `None` unless the tag is strong and names a digest: `blake3-` and 64 hex
    /// digits, or bare 64 hex digits, which can only be a SHA-256 (both are the emulator's, of this release
    /// and of earlier ones; inferred, the real Atlas' tags are not known).
    pub fn from_etag(tag: &str) -> Option<Self> {
        let text = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
        match text.strip_prefix("blake3-") {
            Some(hex) => Self::from_hex(Algorithm::Blake3, hex),
            None => Self::from_hex(Algorithm::Sha256, text),
        }
    }

    /// Returns the algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the 64 lower-case hex digits.
    pub fn hex(&self) -> String {
        let digits = self.bytes.iter().map(|byte| format!("{byte:02x}"));
        digits.collect()
    }
}

/// The error for a text that is not a digest.
#[derive(Debug, thiserror::Error)]
#[error("not a digest of a known algorithm")]
pub struct InvalidDigest;

/// Parses the format that `Display` prints.
impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, hex) = text.split_once(':').ok_or(InvalidDigest)?;
        let mut known = Algorithm::ALL.into_iter();
        let algorithm = known.find(|algorithm| algorithm.name() == name);
        let digest = algorithm.and_then(|algorithm| Self::from_hex(algorithm, hex));
        digest.ok_or(InvalidDigest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Debug)]
enum Hasher {
    // Boxed, because the state of BLAKE3 is large.
    Blake3(Box<blake3::Hasher>),
    Sha256(Sha256),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Blake3 => Self::Blake3(Box::default()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Digest {
        let (algorithm, bytes) = match self {
            Self::Blake3(hasher) => (Algorithm::Blake3, hasher.finalize().into()),
            Self::Sha256(hasher) => (Algorithm::Sha256, hasher.finalize().into()),
        };
        Digest { algorithm, bytes }
    }
}

/// A writer that passes bytes on to another writer, and computes their digest and number.
#[derive(Debug)]
pub struct HashingWriter<W> {
    inner: W,
    hasher: Hasher,
    written: u64,
}

impl<W> HashingWriter<W> {
    /// Creates a writer over `inner`.
    pub fn new(algorithm: Algorithm, inner: W) -> Self {
        Self {
            inner,
            hasher: Hasher::new(algorithm),
            written: 0,
        }
    }

    /// Returns the inner writer, the digest of all bytes that were written, and their number.
    pub fn finish(self) -> (W, Digest, u64) {
        (self.inner, self.hasher.finish(), self.written)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..taken]);
        self.written += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published digests of `abc`.
    const BLAKE3: &str = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_digest_is_the_published_one_and_the_bytes_pass_unchanged() {
        for (algorithm, published) in Algorithm::ALL.into_iter().zip([BLAKE3, SHA256]) {
            let mut writer = HashingWriter::new(algorithm, Vec::new());
            writer.write_all(b"a").unwrap();
            writer.write_all(b"bc").unwrap();
            let (passed, digest, written) = writer.finish();
            assert_eq!(passed, b"abc");
            assert_eq!(written, 3);
            assert_eq!(digest.algorithm(), algorithm);
            let printed = format!("{}:{published}", algorithm.name());
            assert_eq!(digest.to_string(), printed);
            assert_eq!(printed.parse::<Digest>().unwrap(), digest);
        }
    }

    #[test]
    fn the_same_digits_of_another_algorithm_are_another_digest() {
        let of = |algorithm| Digest::from_hex(algorithm, SHA256).unwrap();
        assert_ne!(of(Algorithm::Blake3), of(Algorithm::Sha256));
    }

    #[test]
    fn an_etag_of_64_hex_digits_is_a_sha_256() {
        let sha256 = Digest::from_hex(Algorithm::Sha256, SHA256);
        assert_eq!(Digest::from_etag(&format!("\"{SHA256}\"")), sha256);
        let upper = SHA256.to_uppercase();
        assert_eq!(Digest::from_etag(&format!("\"{upper}\"")), sha256);
    }

    #[test]
    fn an_etag_that_names_blake3_is_a_blake3() {
        let blake3 = Digest::from_hex(Algorithm::Blake3, BLAKE3);
        assert_eq!(Digest::from_etag(&format!("\"blake3-{BLAKE3}\"")), blake3);
    }

    #[test]
    fn any_other_etag_is_none() {
        let weak = format!("W/\"{SHA256}\"");
        let long = format!("\"{SHA256}0\"");
        let odd = format!("\"{}g\"", &SHA256[..63]);
        let other = format!("\"sha512-{SHA256}\"");
        let short = format!("\"blake3-{}\"", &BLAKE3[1..]);
        let none = ["", "\"\"", "\"5f3-abc\"", "\"blake3-\"", SHA256];
        for tag in none
            .into_iter()
            .chain([&*weak, &long, &odd, &other, &short])
        {
            assert_eq!(Digest::from_etag(tag), None, "{tag}");
        }
    }

    #[test]
    fn a_text_without_a_known_algorithm_is_no_digest() {
        for text in [SHA256, "", ":", "md5:00", &format!("sha512:{SHA256}")] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
