//! What goes into an archive, under which name, in which order.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use super::filter::Filter;
use crate::error::Cause;

/// Names below a folder. The order is that of a walk: a folder, what it holds, and then what follows
/// it by name.
#[derive(Debug)]
pub(super) struct Entries {
    root: PathBuf,
    names: BTreeSet<PathBuf>,
}

impl Entries {
    /// What a folder holds and the filter lets through; links are followed.
    pub(super) fn of_folder(root: &Path, filter: &Filter) -> Result<Self, Cause> {
        let mut entries = Self::empty(root);
        entries.add_content(root, filter)?;
        filter.satisfied(entries.names.is_empty())?;
        Ok(entries)
    }

    /// Paths below a common root, the folders between, and all that they hold.
    pub(super) fn below(root: &Path, paths: &[&Path]) -> Result<Self, Cause> {
        let mut entries = Self::empty(root);
        for path in paths {
            entries.add_with_folders(name_below(root, path)?);
            if path.is_dir() {
                entries.add_content(path, &Filter::default())?;
            }
        }
        Ok(entries)
    }

    /// Each name, and the path it comes from.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Path, PathBuf)> {
        let names = self.names.iter();
        names.map(|name| (name.as_path(), self.root.join(name)))
    }

    fn empty(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            names: BTreeSet::new(),
        }
    }

    fn add_content(&mut self, folder: &Path, filter: &Filter) -> Result<(), Cause> {
        let root = self.root.clone();
        let name = |path: &Path| path.strip_prefix(&root).unwrap_or(path).to_owned();
        let walk = WalkDir::new(folder).min_depth(1).follow_links(true);
        for entry in walk
            .into_iter()
            .filter_entry(|entry| filter.enters(&name(entry.path())))
        {
            match entry {
                Ok(entry) if filter.includes(&name(entry.path())) => {
                    self.add_with_folders(&name(entry.path()));
                }
                Ok(_) => {}
                // What is left out anyway may be as broken as it likes.
                Err(error)
                    if error.depth() > 0
                        && error.path().is_some_and(|path| !filter.takes(&name(path))) => {}
                Err(error) => return Err(unwalkable(folder, error)),
            }
        }
        Ok(())
    }

    fn add_with_folders(&mut self, name: &Path) {
        let folders = name.ancestors().skip(1);
        for folder in folders.take_while(|folder| *folder != Path::new("")) {
            if !self.names.insert(folder.to_owned()) {
                break;
            }
        }
        self.names.insert(name.to_owned());
    }
}

/// The metadata of a file or a folder, where a link leads.
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

fn name_below<'a>(root: &Path, path: &'a Path) -> Result<&'a Path, Cause> {
    match path.strip_prefix(root) {
        Ok(name)
            if name
                .components()
                .all(|part| matches!(part, Component::Normal(_))) =>
        {
            Ok(name)
        }
        _ => {
            let (path, root) = (path.display(), root.display());
            Err(Cause::Unpackable(format!("{path}: leaves {root} by `..`")))
        }
    }
}

fn unwalkable(folder: &Path, error: walkdir::Error) -> Cause {
    if let Some(ancestor) = error.loop_ancestor() {
        let (link, ancestor) = (error.path().unwrap_or(folder).display(), ancestor.display());
        return Cause::Unpackable(format!("{link}: a link that loops back to {ancestor}"));
    }
    let path = error.path().unwrap_or(folder).to_owned();
    Cause::file(&path, error.into())
}
