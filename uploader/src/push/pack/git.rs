//! Asks the program `git` which files it tracks, as the original did.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::rc::Rc;

use crate::base::error::Cause;

/// The variables by which a git hook learns its repository. They are wrong for any other repository.
const OF_A_HOOK: [&str; 4] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"];

/// The files of a folder that git tracks, submodules included. A link to a folder brings the files that git
/// tracks there, or all of them where git tracks none, just as a link to a file brings the file.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    /// The tracked names, with the folders above them.
    names: BTreeSet<PathBuf>,
    /// The names whose whole content is taken.
    whole: BTreeSet<PathBuf>,
}

impl Tracked {
    /// Runs git in the folder, and again in the target of each link to a folder whose name is wanted.
    pub(super) fn of(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<Self, Cause> {
        let listed = list(folder, &[]).map_err(|why| why.cause(folder))?;
        let mut tracked = Self::default();
        let mut walk = Walk {
            tracked: &mut tracked,
            wanted,
            list: &|folder| list(folder, &OF_A_HOOK),
            known: BTreeMap::new(),
            within: vec![folder.to_owned()],
        };
        walk.take(Path::new(""), folder, &listed)?;
        Ok(tracked)
    }

    /// Returns whether a name is tracked, or is a folder above a tracked name.
    pub(super) fn contains(&self, name: &Path) -> bool {
        self.names.contains(name) || name.ancestors().any(|above| self.whole.contains(above))
    }

    fn add(&mut self, name: &Path) {
        let folders = name.ancestors().map(Path::to_owned);
        self.names.extend(folders);
    }
}

/// A `Walk` visits the names that git lists.
struct Walk<'a> {
    tracked: &'a mut Tracked,
    wanted: &'a dyn Fn(&Path) -> bool,
    list: &'a dyn Fn(&Path) -> Listed,
    /// The answers of git for each folder: many links may lead to one folder, and running git is slow.
    known: BTreeMap<PathBuf, Rc<Listed>>,
    /// The targets of the links that led to the current folder; they end a loop of links.
    within: Vec<PathBuf>,
}

impl Walk<'_> {
    /// Adds the names that git lists in `folder`, which itself has the name `name`.
    fn take(&mut self, name: &Path, folder: &Path, listed: &[PathBuf]) -> Result<(), Cause> {
        for below in listed {
            let (name, path) = (name.join(below), folder.join(below));
            match path.symlink_metadata() {
                Ok(found) if found.is_symlink() && path.is_dir() => self.take_link(&name, &path)?,
                Ok(found) if found.is_dir() => self.take_folder(&name, &path)?,
                // The walk that packs the files does not reach a name that does not exist.
                _ => self.tracked.add(&name),
            }
        }
        Ok(())
    }

    fn take_link(&mut self, name: &Path, path: &Path) -> Result<(), Cause> {
        self.tracked.add(name);
        let target = path
            .canonicalize()
            .map_err(|error| Cause::file(path, error))?;
        // The walk that packs the files reports a loop.
        if !(self.wanted)(name) || self.within.contains(&target) {
            return Ok(());
        }
        match &*self.listed(&target) {
            Ok(listed) if !listed.is_empty() => {
                self.within.push(target.clone());
                self.take(name, &target, listed)?;
                self.within.pop();
            }
            Ok(_) | Err(Unlisted::Outside(_)) => {
                self.tracked.whole.insert(name.to_owned());
            }
            Err(why) => return Err(why.cause(&target)),
        }
        Ok(())
    }

    /// Runs git at most once for each folder.
    fn listed(&mut self, folder: &Path) -> Rc<Listed> {
        let known = self.known.entry(folder.to_owned());
        Rc::clone(known.or_insert_with_key(|folder| Rc::new((self.list)(folder))))
    }

    /// Adds a folder that git lists by its own name: a nested repository that is no active submodule, a
    /// submodule that was not checked out, or a folder that replaced a tracked file.
    fn take_folder(&mut self, name: &Path, path: &Path) -> Result<(), Cause> {
        if (self.wanted)(name) && path.join(".git").symlink_metadata().is_ok() {
            self.tracked.add(name);
            return match &*self.listed(path) {
                Ok(listed) => self.take(name, path, listed),
                Err(why) => Err(why.cause(path)),
            };
        }
        let mut content = fs::read_dir(path).map_err(|error| Cause::file(path, error))?;
        // A folder with content has replaced a tracked file: its content is untracked, and the file is gone.
        if content.next().is_none() {
            self.tracked.add(name);
        }
        Ok(())
    }
}

/// The names that git lists, or the reason for having none.
type Listed = Result<Vec<PathBuf>, Unlisted>;

/// The reason for an empty list, in git's words.
#[derive(Debug)]
enum Unlisted {
    /// The folder belongs to no repository.
    Outside(String),
    Failed(String),
}

impl Unlisted {
    fn cause(&self, folder: &Path) -> Cause {
        let (Self::Outside(reason) | Self::Failed(reason)) = self;
        let folder = folder.display();
        Cause::Unpackable(format!("{folder}: error executing git ls-files: {reason}"))
    }
}

/// Returns the tracked files below a folder by names relative to it, submodules included.
fn list(folder: &Path, without: &[&str]) -> Listed {
    let mut git = Command::new("git");
    for variable in without {
        git.env_remove(variable);
    }
    // Names end in NUL, because git quotes unusual names otherwise; the original lost those names.
    let output = git
        .args(["ls-files", "-z", "--cached", "--recurse-submodules"])
        .current_dir(folder)
        // The messages are compared, so they must not be translated.
        .env("LC_ALL", "C")
        .output();
    listed(output)
}

fn listed(output: io::Result<Output>) -> Listed {
    match output {
        Ok(output) if output.status.success() => Ok(names(&output.stdout)),
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let is_outside = words.contains("not a git repository")
                || words.contains("must be run in a work tree");
            Err(if is_outside {
                Unlisted::Outside(words)
            } else {
                Unlisted::Failed(words)
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Unlisted::Failed(
            "the program git is not installed".to_owned(),
        )),
        Err(error) => Err(Unlisted::Failed(error.to_string())),
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
        let missing = listed(Err(io::ErrorKind::NotFound.into())).unwrap_err();
        assert_eq!(
            missing.cause(Path::new("/x")).to_string(),
            "/x: error executing git ls-files: the program git is not installed"
        );
    }

    #[cfg(unix)]
    #[test]
    fn git_is_asked_once_for_each_folder_that_links_lead_to() {
        const FOLDERS: usize = 8;
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for number in 0..FOLDERS {
            fs::create_dir(root.join(number.to_string())).unwrap();
            for link in ["a", "b"].into_iter().filter(|_| number + 1 < FOLDERS) {
                let link = root.join(format!("{number}/{link}"));
                std::os::unix::fs::symlink(format!("../{}", number + 1), link).unwrap();
            }
        }
        let asked = std::cell::Cell::new(0);
        let mut walk = Walk {
            tracked: &mut Tracked::default(),
            wanted: &|_| true,
            list: &|_| {
                asked.set(asked.get() + 1);
                Ok(["a", "b", "c"].map(PathBuf::from).to_vec())
            },
            known: BTreeMap::new(),
            within: Vec::new(),
        };
        let first = ["a", "b"].map(PathBuf::from);
        walk.take(Path::new(""), &root.join("0"), &first).unwrap();
        assert_eq!(asked.get(), FOLDERS - 1);
        assert!(walk.tracked.contains(Path::new("a/b/a/b/a/b/a/c")));
    }

    #[test]
    fn what_git_tracks_is_entered_with_the_folders_above_and_nothing_else() {
        let mut tracked = Tracked::default();
        for name in ["a/b/c", "d"] {
            tracked.add(Path::new(name));
        }
        tracked.whole.insert("w".into());
        for (name, entered) in [
            ("a", true),
            ("a/b", true),
            ("a/b/c", true),
            ("d", true),
            ("a/x", false),
            ("e", false),
            ("w/x/y", true),
        ] {
            assert_eq!(tracked.contains(Path::new(name)), entered, "{name}");
        }
    }
}
