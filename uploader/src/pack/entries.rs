//! What goes into an archive, under which name, in which order.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use crate::error::Cause;

/// Where each entry comes from, by its name in the archive. The order is that of a walk: a folder,
/// what it holds, and then what follows it by name.
pub(super) type Entries = BTreeMap<PathBuf, PathBuf>;

/// All that a folder holds; links are followed.
pub(super) fn of_folder(folder: &Path) -> Result<Entries, Cause> {
    let mut entries = Entries::new();
    add_content(&mut entries, folder, Path::new(""))?;
    Ok(entries)
}

/// Paths below a common root, and the folders between.
pub(super) fn below(root: &Path, paths: &[&Path]) -> Result<Entries, Cause> {
    let mut entries = Entries::new();
    for path in paths {
        let name = name_below(root, path)?;
        for folder in name
            .ancestors()
            .skip(1)
            .filter(|folder| *folder != Path::new(""))
        {
            entries.insert(folder.to_owned(), root.join(folder));
        }
        entries.insert(name.to_owned(), path.to_path_buf());
        if path.is_dir() {
            add_content(&mut entries, path, name)?;
        }
    }
    Ok(entries)
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

fn add_content(entries: &mut Entries, folder: &Path, prefix: &Path) -> Result<(), Cause> {
    for entry in WalkDir::new(folder).min_depth(1).follow_links(true) {
        let entry = entry.map_err(|error| unwalkable(folder, error))?;
        let name = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        entries.insert(prefix.join(name), entry.path().to_owned());
    }
    Ok(())
}

fn unwalkable(folder: &Path, error: walkdir::Error) -> Cause {
    if let Some(ancestor) = error.loop_ancestor() {
        let (link, ancestor) = (error.path().unwrap_or(folder).display(), ancestor.display());
        return Cause::Unpackable(format!("{link}: a link that loops back to {ancestor}"));
    }
    let path = error.path().unwrap_or(folder).to_owned();
    Cause::file(&path, error.into())
}
