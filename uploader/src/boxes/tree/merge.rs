//! Merges the records of a source into the known records of a tree.

use crate::boxes::model::{FileRecord, VersionRecord};

pub(super) fn fill(ours: &mut String, theirs: &str) {
    if ours.is_empty() {
        theirs.clone_into(ours);
    }
}

pub(super) fn merge_version(
    ours: &mut Vec<VersionRecord>,
    theirs: &VersionRecord,
    is_same_source: bool,
) {
    let Some(mine) = ours.iter_mut().find(|mine| mine.version == theirs.version) else {
        ours.push(theirs.clone());
        return;
    };
    if is_same_source {
        let providers = std::mem::take(&mut mine.providers);
        *mine = VersionRecord {
            providers,
            ..theirs.clone()
        };
    } else {
        fill(&mut mine.description, &theirs.description);
    }
    for file in &theirs.providers {
        let mut providers = mine.providers.iter_mut();
        match providers.find(|mine| mine.is_same_place(file)) {
            // A copied file keeps the record of its copy.
            Some(mine) if mine.file.is_some() => {}
            Some(mine) => {
                *mine = FileRecord {
                    // Users keep their link to the file until it is copied.
                    link: mine.link && file.url.is_some(),
                    ..file.clone()
                }
            }
            None => mine.providers.push(file.clone()),
        }
    }
}
