//! Verifies a tree without a source.

use std::io;

use super::catalog_writer::catalogs;
use super::checksum::{Checksum, ChecksumKind};
use super::model::{BoxRecord, FileRecord, label};
use super::tree::Tree;
use super::tree::artifacts::FileCopy;

/// The result of a check.
#[derive(Debug, Default)]
pub struct Checked {
    /// The number of files that are present and intact.
    pub files: usize,
    /// The total size of these files in bytes.
    pub bytes: u64,
    /// The number of files of which only the address is kept.
    pub links: usize,
    /// The files that were never fetched.
    pub missing: Vec<String>,
    /// The faults, each as a sentence.
    pub wrong: Vec<String>,
}

/// Compares every file of a tree with its description, and the catalogs with the files. This blocks while it
/// reads all files.
pub fn check(tree: &Tree) -> Checked {
    let mut checked = Checked::default();
    for record in tree.boxes() {
        for version in &record.versions {
            for file in &version.providers {
                let name = label(&record.tag(), &version.version, file);
                check_file(tree, &name, file, &mut checked);
            }
        }
        check_catalogs(tree, record, &mut checked);
    }
    for record in tree.artifacts() {
        for of_type in &record.types {
            let with_file = of_type.versions.iter().filter(|version| version.has_file);
            for version in with_file {
                let number = version.number;
                let name = format!("{}/{}/{}/{number}", record.owner, record.name, of_type.name);
                check_copy(tree, &name, version.file.as_ref(), &mut checked);
            }
        }
    }
    checked
}

/// Compares the file of a version with its record.
fn check_copy(tree: &Tree, name: &str, copy: Option<&FileCopy>, checked: &mut Checked) {
    let Some(copy) = copy else {
        checked.missing.push(format!("{name} was not fetched"));
        return;
    };
    let checksum = Checksum {
        kind: ChecksumKind::Sha256,
        value: copy.sha256.clone(),
    };
    let recorded = (Some(copy.size), Some(&checksum));
    check_in_place(tree, name, &copy.path, recorded, checked);
}

fn check_file(tree: &Tree, name: &str, file: &FileRecord, checked: &mut Checked) {
    let Some(path) = &file.file else {
        if file.link {
            checked.links += 1;
        } else {
            checked.missing.push(format!("{name} was not fetched"));
        }
        return;
    };
    let recorded = (file.size, file.checksum.as_ref());
    check_in_place(tree, name, path, recorded, checked);
}

/// Compares a file with its recorded size and checksum.
fn check_in_place(
    tree: &Tree,
    name: &str,
    path: &str,
    (known_size, known): (Option<u64>, Option<&Checksum>),
    checked: &mut Checked,
) {
    let place = tree.root().join(path);
    let kind = known.map_or(ChecksumKind::Sha256, |checksum| checksum.kind);
    match kind.of_file(&place) {
        Ok((checksum, size)) => {
            let is_whole = known_size.is_none_or(|known| known == size)
                && known.is_none_or(|known| *known == checksum);
            if is_whole {
                checked.files += 1;
                checked.bytes += size;
            } else {
                let found = format!("{} {}, {size} bytes", kind.name(), checksum.value);
                checked.wrong.push(format!(
                    "{name}: {path} does not match its record ({found})"
                ));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            checked.wrong.push(format!("{name}: {path} is missing"));
        }
        Err(error) => checked.wrong.push(format!("{name}: {path}: {error}")),
    }
}

fn check_catalogs(tree: &Tree, record: &BoxRecord, checked: &mut Checked) {
    let Some(base) = tree.base_url() else {
        return;
    };
    for (path, expected) in catalogs(record, &base) {
        let text = std::fs::read(tree.root().join(&path));
        let found: Option<serde_json::Value> = text
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
        if found != Some(expected) {
            let path = path.display();
            checked.wrong.push(format!(
                "{path} does not match the tree; rewrite it with: atlas-upload box catalog {}",
                tree.root().display()
            ));
        }
    }
}
