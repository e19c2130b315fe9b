//! Compares a box with itself after a change, for what follows from the change in every backend.

use std::collections::HashSet;

use uuid::Uuid;

use super::VagrantBox;

/// The uploads and files that a change of a box has added or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BoxDifference {
    pub(crate) new_uploads: Vec<Uuid>,
    /// The uploads that are void now.
    pub(crate) gone_uploads: Vec<Uuid>,
    /// The numbers of the artifact versions to which no provider refers any longer.
    pub(crate) gone_files: Vec<u64>,
}

impl BoxDifference {
    /// Returns the difference between a box before and after a change.
    pub(crate) fn between(before: &VagrantBox, after: &VagrantBox) -> Self {
        let uploads = |of: &VagrantBox| -> HashSet<Uuid> {
            of.uploads().map(|(_, _, upload)| upload.id).collect()
        };
        let files =
            |of: &VagrantBox| -> HashSet<u64> { of.files().map(|file| file.number).collect() };
        let (old, new) = (uploads(before), uploads(after));
        Self {
            new_uploads: new.difference(&old).copied().collect(),
            gone_uploads: old.difference(&new).copied().collect(),
            gone_files: files(before).difference(&files(after)).copied().collect(),
        }
    }
}
