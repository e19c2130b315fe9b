//! Measures the free space of a disk.

use std::io;
use std::path::Path;

/// Looks whether there is room for so many bytes where a folder is.
///
/// # Errors
/// There is not.
pub(crate) fn require(folder: &Path, bytes: u64) -> io::Result<()> {
    let free = available(folder)?;
    if bytes <= free {
        return Ok(());
    }
    let reason = format!("{bytes} bytes are needed, and {free} are free");
    Err(io::Error::new(io::ErrorKind::StorageFull, reason))
}

/// The bytes that are free where a folder is.
#[cfg(unix)]
pub(crate) fn available(folder: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(folder)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// Unknown without another dependency: the write will tell.
#[cfg(not(unix))]
pub(crate) fn available(_: &Path) -> io::Result<u64> {
    Ok(u64::MAX)
}
