//! Maps owners, boxes, versions, providers and architectures to folders of the tree.

use super::{API, BOX_FILE, METADATA_JSON, MIRROR_JSON};
use crate::boxes::model::{BoxRecord, FileRecord};

/// The longest name in bytes, which leaves room for a suffix.
const MAX_NAME: usize = 240;

/// Returns the segments of a file's path below the root, for a path or an address.
///
/// # Errors
/// Returns a sentence about a name that cannot be a folder's.
pub(in crate::boxes) fn parts(
    record: &BoxRecord,
    version: &str,
    file: &FileRecord,
) -> Result<[String; 6], String> {
    let parts = [
        &*record.owner,
        &record.name,
        version,
        &file.provider,
        &file.architecture,
    ];
    check_box(&record.owner, &record.name)?;
    for part in parts {
        check_name(part)?;
    }
    if version == METADATA_JSON {
        return Err(format!("the tree reserves the name {version}"));
    }
    let [owner, name, version, provider, architecture] = parts.map(str::to_owned);
    Ok([
        owner,
        name,
        version,
        provider,
        architecture,
        BOX_FILE.to_owned(),
    ])
}

/// Checks that a box can be in a tree.
///
/// # Errors
/// Returns a sentence about a name that cannot be a folder's.
pub(in crate::boxes) fn check_box(owner: &str, name: &str) -> Result<(), String> {
    check_name(owner)?;
    check_name(name)?;
    if owner == API[0] || owner == MIRROR_JSON {
        return Err(format!("the tree reserves the name {owner}"));
    }
    Ok(())
}

pub(super) fn check_name(name: &str) -> Result<(), String> {
    let is_separator = |character: char| matches!(character, '/' | '\\') || character.is_control();
    let is_fit = !name.is_empty()
        && name.len() <= MAX_NAME
        && !name.starts_with('.')
        && !name.contains(is_separator);
    if is_fit {
        Ok(())
    } else {
        let shown: String = name.chars().take(80).collect();
        Err(format!(
            "{shown:?} cannot be the name of a folder in the tree"
        ))
    }
}

/// Checks the names of a description, which may be forged: they become paths of files, so they must be names
/// that this program gives.
pub(super) fn check_names(boxes: &[BoxRecord]) -> Result<(), String> {
    for record in boxes {
        check_box(&record.owner, &record.name)?;
        for version in &record.versions {
            for file in &version.providers {
                let Some(path) = &file.file else {
                    continue;
                };
                if parts(record, &version.version, file)?.join("/") != *path {
                    return Err(format!(
                        "{path:?} is not a valid path of a file in this tree"
                    ));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::model::tests::{file, record};

    #[test]
    fn a_name_that_leads_elsewhere_is_no_folder() {
        let long = "n".repeat(241);
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            ".hidden",
            "new\nline",
            &long,
        ] {
            let mut record = record(Vec::new());
            record.name = name.to_owned();
            assert!(parts(&record, "1.0", &file("p", "a")).is_err(), "{name:?}");
        }
        for (owner, version) in [
            ("api", "1.0"),
            ("mirror.json", "1.0"),
            ("acme", "metadata.json"),
        ] {
            let mut record = record(Vec::new());
            record.owner = owner.to_owned();
            assert!(
                parts(&record, version, &file("p", "a")).is_err(),
                "{owner} {version}"
            );
        }
        let odd = parts(&record(Vec::new()), "1.0+b %20", &file("p ü", "a"));
        let odd = odd.unwrap().join("/");
        assert_eq!(odd, "acme/web/1.0+b %20/p ü/a/vagrant.box");
    }
}
