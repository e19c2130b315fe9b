//! Makes temporary files beside the files whose places they will take. Each is locked as long as somebody
//! writes it, so that a later run knows those that a killed one left, and removes them.

#[cfg(unix)]
use std::fs::TryLockError;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// So many files are made at most until one is there that nobody has removed.
const MAX_TRIES: u32 = 8;

/// Returns the folder of a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes a temporary file in a folder, locked from the beginning.
///
/// # Errors
/// It cannot be made.
pub(crate) fn temporary(folder: &Path, builder: &mut Builder<'_, '_>) -> io::Result<NamedTempFile> {
    for _ in 0..MAX_TRIES {
        let file = builder.tempfile_in(folder)?;
        // Another run may remove it before it is locked.
        if lock(file.as_file()) && is_at(file.as_file(), file.path()).unwrap_or(false) {
            return Ok(file);
        }
    }
    let reason = "a temporary file disappears as soon as it is made";
    Err(io::Error::other(reason))
}

/// Removes what killed runs have left in a folder: what begins with this name, and is locked by nobody.
/// What cannot be removed stays.
pub(crate) fn clear(folder: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let name = entry.file_name();
        let is_ours = name.as_encoded_bytes().starts_with(prefix.as_bytes());
        if is_ours && is_file {
            remove_abandoned(&entry.path());
        }
    }
}

#[cfg(unix)]
fn remove_abandoned(path: &Path) {
    // The lock is held until the file is gone, so that nobody begins to write it meanwhile.
    if let Ok(file) = File::open(path)
        && file.try_lock().is_ok()
        && let Err(error) = fs::remove_file(path)
    {
        tracing::debug!(path = %path.display(), %error, "not removed");
    }
}

/// Does nothing: elsewhere nobody can tell whether a file is in use.
#[cfg(not(unix))]
fn remove_abandoned(_: &Path) {}

/// Locks a file until it is closed, by the end of the program at the latest, however it ends. Returns
/// whether nobody else has it locked.
#[cfg(unix)]
pub(crate) fn lock(file: &File) -> bool {
    // Not every file system knows locks, and that is no reason not to write.
    !matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// Returns whether an open file is still the one at a path.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (opened, there) = (file.metadata()?, path.metadata()?);
    Ok((opened.dev(), opened.ino()) == (there.dev(), there.ino()))
}

/// Returns true: elsewhere a file that is locked can be neither read nor replaced.
#[cfg(not(unix))]
pub(crate) fn lock(_: &File) -> bool {
    true
}

#[cfg(not(unix))]
pub(crate) fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_is_removed_and_what_is_being_written_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let make = || temporary(folder.path(), Builder::new().prefix(".ours-")).unwrap();
        let left = folder.path().join(".ours-left");
        let (theirs, folders) = (folder.path().join(".theirs"), folder.path().join(".ours-x"));
        fs::write(&left, "an address").unwrap();
        fs::write(&theirs, "").unwrap();
        fs::create_dir(&folders).unwrap();
        let writing = make();
        clear(folder.path(), ".ours-");
        assert!(!left.exists());
        for path in [writing.path(), &theirs, &folders] {
            assert!(path.exists(), "{}", path.display());
        }
    }
}
