//! The folder several paths share.

use std::path::{Component, Path, PathBuf};

/// The longest folder that all paths are written below; `None` when there is none, as for `a` and
/// `b`. Packer compares the text of the paths, and so does this: nothing is resolved.
pub(super) fn directory(paths: &[&Path]) -> Option<PathBuf> {
    let mut folders = paths.iter().map(|path| folder_parts(path));
    let first = folders.next()?;
    let shared = folders.fold(first.len(), |shared, folder| {
        let same = first.iter().zip(&folder).take_while(|(a, b)| a == b);
        shared.min(same.count())
    });
    (shared > 0).then(|| first[..shared].iter().collect())
}

fn folder_parts(path: &Path) -> Vec<Component<'_>> {
    path.parent()
        .unwrap_or(Path::new(""))
        .components()
        .collect()
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
}
