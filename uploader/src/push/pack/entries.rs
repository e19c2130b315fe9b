//! Collects the entries of an archive: their names, their order, and the path of each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::common_folder::CommonFolder;
use super::filter::Filter;
use crate::base::error::Cause;
use crate::files::io_error;

/// A set of names, each of a file or a folder, in the order of a walk: a folder, then its content, then the
/// names that follow it.
#[derive(Debug, Default)]
pub(super) struct Entries {
    names: BTreeSet<PathBuf>,
    /// The paths of some names; the path of any other name is relative to its nearest ancestor here.
    origins: BTreeMap<PathBuf, PathBuf>,
}

impl Entries {
    /// Collects the content of a folder that the filter admits; links are followed.
    pub(super) fn of_folder(root: &Path, filter: &Filter) -> Result<Self, Cause> {
        let mut entries = Self::default();
        entries.origins.insert(PathBuf::new(), root.to_owned());
        entries.add_content(Path::new(""), root, filter)?;
        filter.satisfied(entries.names.is_empty())?;
        Ok(entries)
    }

    /// Collects one file under its own name.
    pub(super) fn of_file(path: &Path) -> Result<Self, Cause> {
        let mut entries = Self::default();
        entries.add(Path::new(path.file_name().unwrap_or_default()), path)?;
        Ok(entries)
    }

    /// Collects paths under their names below the common folder, with the folders between, and the whole content
    /// of folders.
    pub(super) fn below(shared: &CommonFolder<'_>) -> Result<Self, Cause> {
        let mut entries = Self::default();
        for steps in shared.steps() {
            for (name, path) in &steps {
                entries.add(name, path)?;
            }
            if let Some((name, path)) = steps.last().filter(|(_, path)| path.is_dir()) {
                entries.add_content(name, path, &Filter::default())?;
            }
        }
        Ok(entries)
    }

    /// Returns each name with its path.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Path, PathBuf)> {
        let names = self.names.iter();
        names.map(|name| (name.as_path(), self.path_of(name)))
    }

    /// Adds the content of `folder` under the name `above`.
    fn add_content(&mut self, above: &Path, folder: &Path, filter: &Filter) -> Result<(), Cause> {
        let name = |path: &Path| above.join(path.strip_prefix(folder).unwrap_or(path));
        let walk = WalkDir::new(folder).min_depth(1).follow_links(true);
        for entry in walk
            .into_iter()
            .filter_entry(|entry| filter.enters(&name(entry.path())))
        {
            match entry {
                Ok(entry) if filter.includes(&name(entry.path())) => {
                    self.add_with_folders(&name(entry.path()), entry.path())?;
                }
                Ok(_) => {}
                // An error on a name that is not included anyway is ignored.
                Err(error)
                    if error.depth() > 0
                        && error.path().is_some_and(|path| !filter.takes(&name(path))) => {}
                Err(error) => return Err(unwalkable(folder, error)),
            }
        }
        Ok(())
    }

    /// Adds a name from a walk, together with the folders above it, which the walk has passed.
    fn add_with_folders(&mut self, name: &Path, path: &Path) -> Result<(), Cause> {
        let folders = name.ancestors().skip(1);
        for folder in folders.take_while(|folder| *folder != Path::new("")) {
            if !self.names.insert(folder.to_owned()) {
                break;
            }
        }
        self.add(name, path)
    }

    fn add(&mut self, name: &Path, path: &Path) -> Result<(), Cause> {
        let known = self.path_of(name);
        if !self.names.insert(name.to_owned()) {
            return same(name, &known, path);
        }
        if known != path {
            self.origins.insert(name.to_owned(), path.to_owned());
        }
        Ok(())
    }

    fn path_of(&self, name: &Path) -> PathBuf {
        let origin = name
            .ancestors()
            .find_map(|above| Some((above, self.origins.get(above)?)));
        match origin.map(|(above, origin)| (origin, name.strip_prefix(above))) {
            // Joining an empty path would append a slash, which is not valid after a file's name.
            Some((origin, Ok(rest))) if rest != Path::new("") => origin.join(rest),
            Some((origin, _)) => origin.clone(),
            None => name.to_owned(),
        }
    }
}

/// Checks that a name that is added again means the same file or folder.
///
/// # Errors
/// [`Cause::Unpackable`] when two different files would have one name.
fn same(name: &Path, known: &Path, path: &Path) -> Result<(), Cause> {
    let is_same = known == path
        || known.is_dir() && path.is_dir()
        || matches!((known.canonicalize(), path.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if is_same {
        return Ok(());
    }
    let (name, known, path) = (name.display(), known.display(), path.display());
    Err(Cause::Unpackable(format!(
        "{known} and {path}: both would be named {name} in the archive, but they differ"
    )))
}

/// Returns the metadata of a file or a folder, following links.
pub(super) fn kind(path: &Path) -> Result<Metadata, Cause> {
    let metadata = fs::metadata(path).map_err(|error| Cause::file(path, error))?;
    if metadata.is_file() || metadata.is_dir() {
        Ok(metadata)
    } else {
        let path = path.display();
        Err(Cause::Unpackable(format!(
            "{path}: neither a file nor a folder"
        )))
    }
}

fn unwalkable(folder: &Path, error: walkdir::Error) -> Cause {
    if let Some(ancestor) = error.loop_ancestor() {
        let (link, ancestor) = (error.path().unwrap_or(folder).display(), ancestor.display());
        return Cause::Unpackable(format!("{link}: a link that loops back to {ancestor}"));
    }
    let path = error.path().unwrap_or(folder).to_owned();
    // The library's message repeats the path and the operation.
    Cause::file(&path, io_error::plain(&error.into()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_walked_is_named_once_with_the_reason_alone() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("broken");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        let refused = Entries::of_folder(folder.path(), &Filter::default()).unwrap_err();
        let reason = "No such file or directory (os error 2)";
        assert_eq!(refused.to_string(), format!("{}: {reason}", link.display()));
    }
}
