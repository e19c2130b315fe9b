//! Gives a file on disk its name.

use std::fs;
use std::io::{self, Seek};
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, linkat};
use rustix::io::Errno;

use crate::storage::disk::Disk;

/// Gives a file a name, once all its bytes are on disk. A file that cannot get one, since it is on
/// another file system, is copied.
pub(super) fn link(file: &fs::File, path: &Path, partial: &Path, disk: &Disk) -> io::Result<()> {
    disk.sync(file, "the bytes of a file")?;
    // The way to name a file that was created without a name (open(2), O_TMPFILE).
    let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
    match linkat(CWD, opened, CWD, path, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => Err(Errno::EXIST.into()),
        Err(_) => copy(file, path, partial, disk),
    }
}

fn copy(mut file: &fs::File, path: &Path, partial: &Path, disk: &Disk) -> io::Result<()> {
    let mut copy = fs::File::create(partial)?;
    file.rewind()?;
    io::copy(&mut file, &mut copy)?;
    disk.sync(&copy, "the bytes of a file")?;
    fs::rename(partial, path)
}
