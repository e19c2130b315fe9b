//! Detects whether a file changed while it was read.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// A `Fingerprint` is file metadata that differs after the content changes or another file takes the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint {
    length: u64,
    modified: Option<SystemTime>,
    /// The device, the inode's number, and its change time (seconds and nanoseconds), which no program can set;
    /// `None` on systems without inodes.
    inode: Option<(u64, u64, i64, i64)>,
}

impl Fingerprint {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            inode: inode(metadata),
        }
    }

    /// Returns the size in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Compares with the file's current metadata.
    ///
    /// # Errors
    /// Fails when the file changed, or its metadata cannot be read. The error does not name the file.
    pub(super) fn check(&self, path: &Path) -> io::Result<()> {
        if Self::of(&fs::metadata(path)?) == *self {
            Ok(())
        } else {
            Err(changed())
        }
    }
}

/// Returns the error for a changed file.
pub(super) fn changed() -> io::Error {
    io::Error::other(
        "changed while it was read; push it when no program writes to it, or push a copy",
    )
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> Option<(u64, u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt as _;
    let (seconds, nanoseconds) = (metadata.ctime(), metadata.ctime_nsec());
    Some((metadata.dev(), metadata.ino(), seconds, nanoseconds))
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Option<(u64, u64, i64, i64)> {
    None
}
