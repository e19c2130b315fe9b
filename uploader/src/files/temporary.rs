//! Makes temporary files and folders beside their final places. Each is locked while it is being written, so
//! that a later run can recognise and remove those that a killed run has left.

#[cfg(unix)]
use std::fs::TryLockError;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::{Builder, NamedTempFile, TempDir};

/// The end of the names of temporary files and folders. No other file has a name that ends like this.
pub(crate) const SUFFIX: &str = ".atlas-unfinished";
/// The number of random letters and digits between the beginning of a name and its end.
const RANDOM: usize = 12;
/// The number of attempts to make a file that no other run has removed before it was locked.
const MAX_TRIES: u32 = 8;

/// A lock of a temporary folder. On other systems than Unix a folder is not opened, and nothing locks it.
#[cfg(unix)]
pub(crate) type Lock = File;
#[cfg(not(unix))]
pub(crate) type Lock = ();

/// Returns the folder that contains a file.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Returns a builder of temporary files with the names that [`remove_abandoned`] recognises.
pub(crate) fn builder(prefix: &str) -> Builder<'_, 'static> {
    let mut names = Builder::new();
    names.prefix(prefix).suffix(SUFFIX).rand_bytes(RANDOM);
    names
}

/// Returns whether a name could have been chosen by [`builder`].
fn is_ours(name: &[u8], prefix: &str) -> bool {
    name.strip_prefix(prefix.as_bytes())
        .and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()))
        .is_some_and(|random| {
            random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric)
        })
}

/// Makes a temporary file in a folder, and locks it.
///
/// # Errors
/// Fails if it cannot be made.
pub(crate) fn file(folder: &Path, builder: &mut Builder<'_, '_>) -> io::Result<NamedTempFile> {
    for _ in 0..MAX_TRIES {
        let file = builder.tempfile_in(folder)?;
        // Another run may remove it before it is locked.
        if lock(file.as_file()) && is_at(file.as_file(), file.path()).unwrap_or(false) {
            return Ok(file);
        }
    }
    Err(disappears())
}

/// Makes a temporary folder in a folder, and returns it with its lock.
///
/// # Errors
/// Fails if it cannot be made.
#[cfg(unix)]
pub(crate) fn folder(folder: &Path, prefix: &str) -> io::Result<(TempDir, Lock)> {
    for _ in 0..MAX_TRIES {
        let made = builder(prefix).tempdir_in(folder)?;
        match File::open(made.path()) {
            // Another run may remove it before it is locked.
            Ok(file) if lock(&file) && is_at(&file, made.path()).unwrap_or(false) => {
                return Ok((made, file));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Err(disappears())
}

/// Makes a temporary folder in a folder.
#[cfg(not(unix))]
pub(crate) fn folder(folder: &Path, prefix: &str) -> io::Result<(TempDir, Lock)> {
    let made = builder(prefix).tempdir_in(folder)?;
    Ok((made, ()))
}

fn disappears() -> io::Error {
    io::Error::other("another program removes temporary files as soon as they are created")
}

/// Removes the files and folders that killed runs have left in a folder: those with names of [`builder`] that
/// are not locked. Errors are ignored.
pub(crate) fn remove_abandoned(folder: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_ours = is_ours(name.as_encoded_bytes(), prefix);
        match entry.file_type() {
            Ok(kind) if is_ours && kind.is_file() => {
                remove_unlocked(&entry.path(), |path| fs::remove_file(path));
            }
            Ok(kind) if is_ours && kind.is_dir() => {
                remove_unlocked(&entry.path(), |path| fs::remove_dir_all(path));
            }
            _ => {}
        }
    }
}

#[cfg(unix)]
fn remove_unlocked(path: &Path, remove: impl Fn(&Path) -> io::Result<()>) {
    // The lock is held until the file is removed, so that no other run begins to write to it.
    if let Ok(file) = File::open(path)
        && file.try_lock().is_ok()
        && let Err(error) = remove(path)
    {
        tracing::debug!(path = %path.display(), %error, "not removed");
    }
}

/// Does nothing: other systems than Unix do not tell whether a file is in use.
#[cfg(not(unix))]
fn remove_unlocked(_: &Path, _: impl Fn(&Path) -> io::Result<()>) {}

/// Locks a file until it is closed, at the latest by the end of the process. Returns whether no other process
/// has locked it.
#[cfg(unix)]
pub(crate) fn lock(file: &File) -> bool {
    // A file system without locks is no reason not to write.
    !matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// Returns whether an open file is still the file at a path.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (opened, there) = (file.metadata()?, path.metadata()?);
    Ok((opened.dev(), opened.ino()) == (there.dev(), there.ino()))
}

/// Returns true: other systems than Unix let nobody read or replace a locked file.
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
        let ours = |random: &str| folder.path().join(format!(".ours-{random}{SUFFIX}"));
        let (left, left_folder) = (ours("0123456789aB"), ours("0123456789aC"));
        let theirs = folder.path().join(".theirs");
        fs::write(&left, "an address").unwrap();
        fs::create_dir(&left_folder).unwrap();
        fs::write(left_folder.join("half"), "of a file").unwrap();
        fs::write(&theirs, "").unwrap();
        let file = file(folder.path(), &mut builder(".ours-")).unwrap();
        let (unpacking, locked) = super::folder(folder.path(), ".ours-").unwrap();
        remove_abandoned(folder.path(), ".ours-");
        assert!(!left.exists());
        assert!(!left_folder.exists());
        for path in [file.path(), unpacking.path(), &theirs] {
            assert!(path.exists(), "{}", path.display());
        }
        drop(locked);
        remove_abandoned(folder.path(), ".ours-");
        assert!(!unpacking.path().exists());
    }

    #[test]
    fn names_that_only_begin_like_ours_are_somebody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let theirs = [
            ".ours-web.json",
            ".ours-a1B2c3",
            ".ours-0123456789ab",
            ".ours-.atlas-unfinished",
            ".ours-my-own-notes.atlas-unfinished",
            ".ours-0123456789abc.atlas-unfinished",
            ".other-0123456789ab.atlas-unfinished",
        ];
        for name in theirs {
            fs::write(folder.path().join(name), "theirs").unwrap();
        }
        fs::create_dir_all(folder.path().join(".ours-cache/kept")).unwrap();
        remove_abandoned(folder.path(), ".ours-");
        for name in theirs {
            assert!(folder.path().join(name).exists(), "{name}");
        }
        assert!(folder.path().join(".ours-cache/kept").exists());
    }
}
