//! Tells whether a file changed while it was read.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// A `Fingerprint` is what the system says of a file, which changes with its content or when another file takes
/// its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint {
    length: u64,
    modified: Option<SystemTime>,
    /// Device and number of the inode, and when it changed last, which nobody can set: seconds, and
    /// nanoseconds. Where there are any.
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

    /// The size in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Looks at the file again.
    ///
    /// # Errors
    /// The error says that the file changed, or why it cannot be looked at. It does not name the file.
    pub(super) fn check(&self, path: &Path) -> io::Result<()> {
        if Self::of(&fs::metadata(path)?) == *self {
            Ok(())
        } else {
            Err(changed())
        }
    }
}

/// The error for a file that is not what it was.
pub(super) fn changed() -> io::Error {
    io::Error::other(
        "changed while it was read; push it when nobody writes to it any more, or push a copy",
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
