//! The file of a backup, which gets its name when it is complete and on disk.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use mock_atlas::open_regular_file;
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use tempfile::TempPath;

/// The partial file of a backup, a hidden file beside the target, which is removed unless it gets its name.
pub(super) struct Partial {
    target: PathBuf,
    path: TempPath,
}

impl Partial {
    /// Creates the partial file, which only its owner can read. Its name depends only on the target's, so that the
    /// next run removes the file of a run that was killed. A lock keeps other runs from removing it while it is in
    /// use. Blocks while it does.
    ///
    /// # Errors
    /// When the target exists, another run writes it, or the folder cannot be written to.
    pub(super) fn begin(target: &Path) -> io::Result<(File, Self)> {
        if target.symlink_metadata().is_ok() {
            return Err(Errno::EXIST.into());
        }
        let name = target.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        let path = target.with_file_name(hidden_name(name));
        remove_leftover(&path)?;
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let partial = Self {
            target: target.to_owned(),
            path: TempPath::try_from_path(path)?,
        };
        check_lock(&created)?;
        Ok((created, partial))
    }

    /// Gives the complete file its name, and brings the name to disk. Blocks while it does.
    ///
    /// # Errors
    /// When the target exists, or the folder cannot be written to.
    pub(super) fn finish(self) -> io::Result<()> {
        let Self { target, path } = self;
        path.persist_noclobber(&target)
            .map_err(|error| error.error)?;
        let folder = target.parent().filter(|folder| *folder != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Returns the name of the partial file. It is unlikely to be in use for other files, since an
/// existing file of this name is removed, and short even for long targets.
fn hidden_name(name: &OsStr) -> String {
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(name.as_encoded_bytes()).into();
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    format!(".mock-atlas-{number:016x}.partial")
}

fn remove_leftover(path: &Path) -> io::Result<()> {
    match open_regular_file(path) {
        Ok(left) => {
            check_lock(&left)?;
            fs::remove_file(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Locks a partial file. On a file system without locks the file counts as free, since no other run
/// can have locked it.
fn check_lock(partial: &File) -> io::Result<()> {
    match partial.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let message = "another backup is being written to this file";
            Err(io::Error::new(io::ErrorKind::ResourceBusy, message))
        }
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}
