//! Computes the digests of files in a tree.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use mock_atlas::open_regular_file;
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;

/// The digests of a file, as hexadecimal digits, and its size in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digests {
    pub(super) size: u64,
    pub(super) blake3: String,
    pub(super) sha256: String,
}

/// Computes digests from the bytes as they pass.
#[derive(Default)]
pub(super) struct Hasher {
    size: u64,
    // Boxed, because the state of BLAKE3 is large.
    blake3: Box<blake3::Hasher>,
    sha256: Sha256,
}

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.blake3.update(bytes);
        self.sha256.update(bytes);
    }

    pub(super) fn finish(self) -> Digests {
        let mut sha256 = String::new();
        for byte in self.sha256.finalize() {
            // Writing to a `String` cannot fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        Digests {
            size: self.size,
            blake3: self.blake3.finalize().to_hex().to_string(),
            sha256,
        }
    }
}

/// Returns the digests of a file.
///
/// # Errors
/// When the file cannot be read, or is not a regular one.
pub(super) async fn of_file(path: &Path) -> io::Result<Digests> {
    let path = PathBuf::from(path);
    let read = spawn_blocking(move || {
        let mut file = open_regular_file(&path)?;
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hasher.finish()),
                len => hasher.update(&buffer[..len]),
            }
        }
    });
    read.await?
}
