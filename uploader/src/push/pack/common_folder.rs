//! Finds the common folder of several paths, and the name of each path below it.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Returns the longest folder that is written at the start of all paths; `None` when they share none, as `a` and
/// `b`. Like Packer, this compares the text of the paths and resolves nothing.
fn directory(paths: &[&Path]) -> Option<PathBuf> {
    let mut folders = paths.iter().map(|path| folder_parts(path));
    let first = folders.next()?;
    let shared = folders.fold(first.len(), |shared, folder| {
        shared.min(alike(&first, &folder))
    });
    (shared > 0).then(|| first[..shared].iter().collect())
}

fn folder_parts(path: &Path) -> Vec<Component<'_>> {
    path.parent()
        .unwrap_or(Path::new(""))
        .components()
        .collect()
}

fn alike<T: PartialEq>(one: &[T], other: &[T]) -> usize {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b);
    same.count()
}

/// Several paths with the depth of their common folder: the number of names that lead to it. A `..` removes the
/// name before it from the text, as in Go's `filepath`; the file is opened by the path as it was given.
#[derive(Debug)]
pub(super) struct CommonFolder<'a> {
    given: Vec<GivenPath<'a>>,
    depth: usize,
}

/// A path, and each name that leads to it together with the path up to that name.
#[derive(Debug)]
struct GivenPath<'a> {
    path: &'a Path,
    steps: Vec<(OsString, PathBuf)>,
}

impl<'a> CommonFolder<'a> {
    /// Returns the common folder; `None` for paths that share no folder, neither as they are written nor without
    /// `..`.
    ///
    /// # Errors
    /// Fails when the current folder is unknown.
    pub(super) fn of(paths: &[&'a Path]) -> io::Result<Option<Self>> {
        let plain: Vec<PathBuf> = paths.iter().map(|path| without_climbing(path)).collect();
        let plain: Vec<&Path> = plain.iter().map(PathBuf::as_path).collect();
        if directory(paths).or_else(|| directory(&plain)).is_none() {
            return Ok(None);
        }
        let given: Vec<_> = paths
            .iter()
            .map(|path| GivenPath::of(path))
            .collect::<io::Result<_>>()?;
        let folders: Vec<_> = given.iter().map(GivenPath::folder).collect();
        let Some(first) = folders.first() else {
            return Ok(None);
        };
        let depth = folders
            .iter()
            .fold(first.len(), |depth, folder| depth.min(alike(first, folder)));
        Ok((depth > 0).then_some(Self { given, depth }))
    }

    /// Returns the common folder, as an absolute path.
    pub(super) fn folder(&self) -> PathBuf {
        let first = self.given.first().map(|given| &given.steps[..self.depth]);
        let steps = first.unwrap_or_default().iter();
        steps.map(|(name, _)| name).collect()
    }

    /// Returns for each path the steps from the common folder to it: a name relative to the common folder, and
    /// the path to open. The last step is the path as it was given.
    pub(super) fn steps(&self) -> impl Iterator<Item = Vec<(PathBuf, &Path)>> {
        self.given.iter().map(|given| {
            let mut name = PathBuf::new();
            let below = given.steps[self.depth..].iter();
            let mut steps: Vec<_> = below
                .map(|(part, path)| {
                    name.push(part);
                    (name.clone(), path.as_path())
                })
                .collect();
            if let Some((_, path)) = steps.last_mut() {
                *path = given.path;
            }
            steps
        })
    }
}

impl<'a> GivenPath<'a> {
    fn of(path: &'a Path) -> io::Result<Self> {
        let mut so_far = PathBuf::new();
        let mut steps: Vec<(OsString, PathBuf)> = Vec::new();
        for part in std::path::absolute(path)?.components() {
            so_far.push(part);
            match part {
                // The parent of the root is the root.
                Component::ParentDir if steps.len() > 1 => drop(steps.pop()),
                Component::ParentDir | Component::CurDir => {}
                part => steps.push((part.as_os_str().to_owned(), so_far.clone())),
            }
        }
        Ok(Self { path, steps })
    }

    fn folder(&self) -> Vec<&OsString> {
        let folder = self.steps.len().saturating_sub(1);
        self.steps[..folder].iter().map(|(name, _)| name).collect()
    }
}

/// Returns the path without each `..` and the name before it.
fn without_climbing(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        let is_name = matches!(plain.components().next_back(), Some(Component::Normal(_)));
        if part == Component::ParentDir && is_name {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(paths: &[&str]) -> Option<String> {
        let paths: Vec<_> = paths.iter().map(Path::new).collect();
        directory(&paths).map(|folder| folder.display().to_string())
    }

    #[test]
    fn the_common_folder_is_the_longest() {
        assert_eq!(common(&["/t/a/x", "/t/a/y"]).unwrap(), "/t/a");
        assert_eq!(common(&["/t/a/x", "/t/a/sub/y"]).unwrap(), "/t/a");
        assert_eq!(common(&["out/x", "out/y"]).unwrap(), "out");
        assert_eq!(common(&["./x", "./y"]).unwrap(), ".");
    }

    #[test]
    fn a_common_beginning_of_a_name_is_no_folder() {
        assert_eq!(common(&["/t/disk-1/x", "/t/disk-2/y"]).unwrap(), "/t");
        assert_eq!(common(&["/x", "/y"]).unwrap(), "/");
    }

    #[test]
    fn without_a_common_folder_there_is_none() {
        assert_eq!(common(&["a", "b"]), None);
        assert_eq!(common(&["a/x", "b/y"]), None);
        assert_eq!(common(&["/a/x", "b/y"]), None);
    }

    /// Returns each step as its name and the path that is opened for it.
    fn named(paths: &[&str]) -> Option<Vec<String>> {
        let paths: Vec<_> = paths.iter().map(Path::new).collect();
        let shared = CommonFolder::of(&paths).unwrap()?;
        let show =
            |(name, path): &(PathBuf, &Path)| format!("{} {}", name.display(), path.display());
        Some(
            shared
                .steps()
                .map(|steps| steps.iter().map(show).collect::<Vec<_>>().join(", "))
                .collect(),
        )
    }

    #[cfg(unix)]
    #[test]
    fn dots_count_for_no_name_and_are_opened_as_they_were_given() {
        let here = std::env::current_dir().unwrap();
        let name = here.file_name().unwrap().to_str().unwrap();
        let here = here.to_str().unwrap();
        for (paths, one, other) in [
            (
                ["../out/sub/../a", "../out/b"],
                "a ../out/sub/../a",
                "b ../out/b",
            ),
            (["o/s/../a", "o/s/b"], "a o/s/../a", "s HERE/o/s, s/b o/s/b"),
            (["x/../o/a", "o/b"], "a x/../o/a", "b o/b"),
            (
                ["s/../../a", "s/b"],
                "a s/../../a",
                "NAME HERE, NAME/s HERE/s, NAME/s/b s/b",
            ),
            (
                ["/t/a/../../../a", "/t/b"],
                "a /t/a/../../../a",
                "t /t, t/b /t/b",
            ),
            (
                ["/t/d/e/..", "/t/d/x/y"],
                "d /t/d/e/..",
                "d /t/d, d/x /t/d/x, d/x/y /t/d/x/y",
            ),
        ] {
            let other = other.replace("HERE", here).replace("NAME", name);
            assert_eq!(named(&paths).unwrap(), [one, &other], "{paths:?}");
        }
        assert_eq!(named(&["x/../a", "b"]), None);
    }
}
