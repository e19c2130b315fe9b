//! Makes the folders of a pull before anything has arrived, and removes them if the pull fails.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::base::error::Cause;
use crate::files::io_error;
use crate::files::temporary;
use crate::pull::TEMPORARY;

use super::cancellation::CleanupPending;

/// A hidden folder beside the one to be filled, or in it. It is removed with its content on drop.
pub(super) struct Staging {
    /// The hidden folder is dropped before its created parents.
    hidden: TempDir,
    parents: CreatedParents,
    _lock: temporary::Lock,
    /// The pending cleanup is dropped last, after the folders are removed.
    _pending: CleanupPending,
}

impl Staging {
    /// Makes the hidden folder on the same disk as `folder`, so that its content can be moved there in one
    /// step; and the missing folders above.
    pub(super) fn of(folder: &Path) -> Result<Self, Cause> {
        if !folder.is_dir() && folder.symlink_metadata().is_ok() {
            let reason = "exists already, and is not a folder";
            let error = io::Error::new(io::ErrorKind::NotADirectory, reason);
            return Err(Cause::file(folder, error));
        }
        let pending = CleanupPending::new();
        let parents = CreatedParents::create(folder)?;
        let parent = match folder.is_dir() {
            true => folder,
            false => temporary::parent(folder),
        };
        temporary::remove_abandoned(parent, TEMPORARY);
        let hidden = temporary::folder(parent, TEMPORARY);
        let (hidden, lock) =
            hidden.map_err(|error| Cause::file(folder, io_error::plain(&error)))?;
        Ok(Self {
            hidden,
            parents,
            _lock: lock,
            _pending: pending,
        })
    }

    /// Returns the path of the hidden folder.
    pub(super) fn path(&self) -> &Path {
        self.hidden.path()
    }

    /// Keeps the created parents, because they are no longer empty.
    pub(super) fn keep_parents(mut self) {
        self.parents.0.clear();
    }
}

/// The parent folders that were created, each above the next. On drop, those that are empty are removed.
struct CreatedParents(Vec<PathBuf>);

impl CreatedParents {
    /// Creates the missing parents of a folder.
    fn create(folder: &Path) -> Result<Self, Cause> {
        let is_missing =
            |above: &&Path| above.as_os_str() != "" && above.symlink_metadata().is_err();
        let missing: Vec<_> = folder.ancestors().skip(1).take_while(is_missing).collect();
        let mut made = Self(Vec::new());
        for above in missing.into_iter().rev() {
            match fs::create_dir(above) {
                Ok(()) => made.0.push(above.to_owned()),
                // A path such as `a/..` exists as soon as `a` does.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Cause::file(above, error)),
            }
        }
        Ok(made)
    }
}

impl Drop for CreatedParents {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // The folder stays if somebody else has put something into it.
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_were_made_and_are_empty_go_again() {
        let root = tempfile::tempdir().unwrap();
        let wanted = root.path().join("a/../b/c/d");
        fs::create_dir(root.path().join("b")).unwrap();
        let staging = Staging::of(&wanted).unwrap();
        assert!(staging.path().is_dir());
        assert!(root.path().join("b/c").is_dir());
        drop(staging);
        let left: Vec<_> = fs::read_dir(root.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(fs::read_dir(root.path().join("b")).unwrap().count(), 0);

        let staging = Staging::of(&wanted).unwrap();
        fs::write(root.path().join("b/c/theirs"), "").unwrap();
        drop(staging);
        assert_eq!(fs::read_dir(root.path().join("b/c")).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_the_reason() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        for wanted in ["new/\0/x", "file/x", "file/x/y"] {
            let refused = Staging::of(&root.path().join(wanted)).err().unwrap();
            let refused = refused.to_string();
            let place = root.path().join("file").display().to_string();
            assert!(
                refused.contains("Not a directory (os error 20)") && refused.starts_with(&place)
                    || refused.contains("file name contained an unexpected NUL byte"),
                "{refused}"
            );
            assert!(!refused.contains(".atlas-pull-"), "{refused}");
        }
        let left = fs::read_dir(root.path()).unwrap().count();
        assert_eq!(left, 1, "`new` is gone");
    }
}
