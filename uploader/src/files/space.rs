//! Measures the free space of a disk.

use std::io;
use std::path::Path;

/// Checks that the disk of a folder has at least `bytes` bytes free.
///
/// # Errors
/// Fails if the disk has less free space.
pub(crate) fn require(folder: &Path, bytes: u64) -> io::Result<()> {
    let free = available(folder)?;
    if bytes <= free {
        return Ok(());
    }
    let reason = format!("{bytes} bytes are needed, and {free} are free");
    Err(io::Error::new(io::ErrorKind::StorageFull, reason))
}

/// Returns the number of free bytes on the disk of a folder.
#[cfg(unix)]
pub(crate) fn available(folder: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(folder)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// Returns the largest number: finding the free space would need another dependency, and a write to a full
/// disk fails anyway.
#[cfg(not(unix))]
pub(crate) fn available(_: &Path) -> io::Result<u64> {
    Ok(u64::MAX)
}
