//! Determines where the journal of a run is kept.

use std::{
    ffi::OsString,
    fs::DirBuilder,
    io,
    path::{Path, PathBuf},
};

use crate::safety::run_prefix::RunPrefix;

/// The folder for the journals of all runs, within the folder of the user's state.
const SHARED: &str = "atlas-contract";

/// A `Place` is the location of a run's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A path that the caller gives: a new file, or a folder, in which the file is named after the run.
    Named(PathBuf),
    /// A folder within the user's state, in which the file is named after the run. It is created if it does not exist.
    State(PathBuf),
}

impl Place {
    /// Returns the folder for journals according to the user's variables: `$XDG_STATE_HOME/atlas-contract`, or else
    /// `~/.local/state/atlas-contract`. Returns `None` when the user has no home.
    pub fn of_user(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        // The XDG specification says that a relative path is to be ignored.
        let set = |name: &str| {
            variable(name)
                .map(PathBuf::from)
                .filter(|it| it.is_absolute())
        };
        let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
        Some(Self::State(state?.join(SHARED)))
    }

    /// Returns the path of the file or of the folder.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Named(path) | Self::State(path) => path,
        }
    }

    /// Returns the file for the journal of this run. A folder within the user's state is created first, for its owner
    /// alone.
    ///
    /// # Errors
    /// Fails when the folder cannot be created.
    pub(super) fn file(&self, run: &RunPrefix) -> io::Result<PathBuf> {
        if let Self::State(folder) = self {
            make(folder)?;
        }
        let path = self.path();
        let name = format!("atlas-{}.jsonl", run.as_str().trim_end_matches('-'));
        Ok(if path.is_dir() {
            path.join(name)
        } else {
            path.to_owned()
        })
    }
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_user(state: &str, home: &str) -> Option<Place> {
        Place::of_user(|name| {
            let value = match name {
                "XDG_STATE_HOME" => state,
                "HOME" => home,
                _ => "",
            };
            (!value.is_empty()).then(|| value.into())
        })
    }

    #[test]
    fn journals_stand_in_the_folder_of_the_users_state_by_an_absolute_path() {
        let state = |path: &str| Some(Place::State(path.into()));
        assert_eq!(
            of_user("/state", "/home/amy"),
            state("/state/atlas-contract")
        );
        for unset in ["", "relative/state"] {
            assert_eq!(
                of_user(unset, "/home/amy"),
                state("/home/amy/.local/state/atlas-contract")
            );
        }
        assert_eq!(of_user("", ""), None);
        assert_eq!(of_user("", "home/amy"), None);
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_of_the_state_is_made_for_its_owner_alone_and_a_named_one_is_not_made() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state/atlas-contract");
        let run = RunPrefix::fresh();
        let file = Place::State(state.clone()).file(&run).unwrap();
        assert_eq!(file.parent(), Some(state.as_path()));
        let mode = state.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let named = folder.path().join("run.jsonl");
        assert_eq!(Place::Named(named.clone()).file(&run).unwrap(), named);
        assert!(!named.exists());
    }
}
