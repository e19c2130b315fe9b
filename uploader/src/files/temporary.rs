//! Makes temporary files and folders beside those whose places they will take. Each is locked as long as
//! somebody writes it, so that a later run knows those that a killed one left, and removes them.

#[cfg(unix)]
use std::fs::TryLockError;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::{Builder, NamedTempFile, TempDir};

/// The names of what is temporary end like this, and no name that somebody else chooses does.
pub(crate) const SUFFIX: &str = ".atlas-unfinished";
/// The letters and digits that stand at random between the beginning of a name and its end.
const RANDOM: usize = 12;
/// This is how often a file is made, until one is there that nobody has removed.
const MAX_TRIES: u32 = 8;

/// Keeps a temporary folder locked; elsewhere a folder is not opened, and nothing locks it.
#[cfg(unix)]
pub(crate) type Lock = File;
#[cfg(not(unix))]
pub(crate) type Lock = ();

/// Returns the folder of a file.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Returns what chooses the names of temporary files: those that begin so are removed by [`remove_abandoned`].
pub(crate) fn builder(prefix: &str) -> Builder<'_, 'static> {
    let mut names = Builder::new();
    names.prefix(prefix).suffix(SUFFIX).rand_bytes(RANDOM);
    names
}

/// Returns whether a name is one of those that [`builder`] chooses.
fn is_ours(name: &[u8], prefix: &str) -> bool {
    name.strip_prefix(prefix.as_bytes())
        .and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()))
        .is_some_and(|random| {
            random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric)
        })
}

/// Makes a temporary file in a folder, locked from the beginning.
///
/// # Errors
/// It cannot be made.
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

/// Makes a temporary folder in a folder, with what keeps it locked.
///
/// # Errors
/// It cannot be made.
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
    io::Error::other("what is made for the time being disappears as soon as it is there")
}

/// Removes what killed runs have left in a folder: files and folders with names that [`builder`] chose, and that
/// nobody has locked. What cannot be removed stays.
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
    // The lock is held until it is gone, so that nobody begins to write there meanwhile.
    if let Ok(file) = File::open(path)
        && file.try_lock().is_ok()
        && let Err(error) = remove(path)
    {
        tracing::debug!(path = %path.display(), %error, "not removed");
    }
}

/// Does nothing: elsewhere nobody can tell whether a file is in use.
#[cfg(not(unix))]
fn remove_unlocked(_: &Path, _: impl Fn(&Path) -> io::Result<()>) {}

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
