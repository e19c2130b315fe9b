//! SHA-256: of what is sent, and of what comes back.

use std::fmt;
use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest. Prints as `sha256:` and 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Reads an `ETag`. `None` unless it is a strong one of exactly 64 hex digits: only such a tag
    /// can be a SHA-256 (the emulator's is; inferred, the real Atlas' tags are not known).
    pub fn from_etag(tag: &str) -> Option<Self> {
        let hex = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Passes bytes on to another writer, and keeps their digest and number.
#[derive(Debug)]
pub struct HashingWriter<W> {
    inner: W,
    hasher: Sha256,
    written: u64,
}

impl<W> HashingWriter<W> {
    /// Nothing was written yet.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            written: 0,
        }
    }

    /// The writer below, the digest of all that was written, and its length in bytes.
    pub fn finish(self) -> (W, Digest, u64) {
        (
            self.inner,
            Digest(self.hasher.finalize().into()),
            self.written,
        )
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

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn digest_of(bytes: &[u8]) -> Digest {
        let mut writer = HashingWriter::new(Vec::new());
        writer.write_all(bytes).unwrap();
        writer.finish().1
    }

    #[test]
    fn the_digest_is_the_published_one_and_the_bytes_pass_unchanged() {
        let mut writer = HashingWriter::new(Vec::new());
        writer.write_all(b"a").unwrap();
        writer.write_all(b"bc").unwrap();
        let (passed, digest, written) = writer.finish();
        assert_eq!(passed, b"abc");
        assert_eq!(written, 3);
        assert_eq!(digest.to_string(), format!("sha256:{ABC}"));
    }

    #[test]
    fn an_etag_of_64_hex_digits_is_a_digest() {
        assert_eq!(
            Digest::from_etag(&format!("\"{ABC}\"")),
            Some(digest_of(b"abc"))
        );
        assert_eq!(
            Digest::from_etag(&format!("\"{}\"", ABC.to_uppercase())),
            Some(digest_of(b"abc"))
        );
    }

    #[test]
    fn any_other_etag_is_none() {
        let weak = format!("W/\"{ABC}\"");
        let long = format!("\"{ABC}0\"");
        let odd = format!("\"{}g\"", &ABC[..63]);
        for tag in ["", "\"\"", "\"5f3-abc\"", ABC, &weak, &long, &odd] {
            assert_eq!(Digest::from_etag(tag), None, "{tag}");
        }
    }
}
