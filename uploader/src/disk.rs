//! Tells how much room a disk has.

use std::io;
use std::path::Path;

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
