//! Merges what a source says of a box into what is known.

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
            // What was copied is described as it was copied.
            Some(mine) if mine.file.is_some() => {}
            Some(mine) => {
                *mine = FileRecord {
                    // Users go on getting it where they got it, until it is here.
                    link: mine.link && file.url.is_some(),
                    ..file.clone()
                }
            }
            None => mine.providers.push(file.clone()),
        }
    }
}
