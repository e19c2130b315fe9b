//! What git tracks, asked of the program `git` as the original did.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::error::Cause;

/// The tracked files below a folder, by names relative to it, those of its submodules included.
pub(super) fn tracked(folder: &Path) -> Result<Vec<PathBuf>, Cause> {
    // Names end in NUL, since git quotes unusual ones otherwise; the original lost those.
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--recurse-submodules"])
        .current_dir(folder)
        .output();
    listed(folder, output)
}

fn listed(folder: &Path, output: io::Result<Output>) -> Result<Vec<PathBuf>, Cause> {
    let folder = folder.display();
    let failed = |reason: &str| {
        Err(Cause::Unpackable(format!(
            "{folder}: error executing git ls-files: {reason}"
        )))
    };
    match output {
        Ok(output) if output.status.success() => Ok(names(&output.stdout)),
        Ok(output) => failed(String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            failed("the program git is not installed")
        }
        Err(error) => failed(&error.to_string()),
    }
}

fn names(list: &[u8]) -> Vec<PathBuf> {
    let names = list.split(|byte| *byte == 0);
    names.filter(|name| !name.is_empty()).map(path).collect()
}

#[cfg(unix)]
fn path(name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    OsStr::from_bytes(name).into()
}

#[cfg(not(unix))]
fn path(name: &[u8]) -> PathBuf {
    let name = String::from_utf8_lossy(name);
    OsStr::new(name.as_ref()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_in_nul_and_may_hold_anything_else() {
        let names = names("a b\0s\u{fc}b/new\nline\0".as_bytes());
        assert_eq!(names, [Path::new("a b"), Path::new("s\u{fc}b/new\nline")]);
        assert!(super::names(b"").is_empty());
    }

    #[test]
    fn a_missing_git_is_called_that() {
        let missing = Err(io::ErrorKind::NotFound.into());
        let refused = listed(Path::new("/x"), missing).unwrap_err().to_string();
        assert_eq!(
            refused,
            "/x: error executing git ls-files: the program git is not installed"
        );
    }
}
