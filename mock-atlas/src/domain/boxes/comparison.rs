//! Compares versions of boxes by what everybody may know of them.

use super::{BoxProvider, BoxSource, BoxVersion};

impl BoxVersion {
    /// Returns the part in which a version differs from another one; `None` if they are alike. Times, uploads, and
    /// the numbers of files are not compared.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.status != other.status {
            return Some("the status");
        }
        if self.description != other.description {
            return Some("the description of the version");
        }
        let (ours, theirs) = (self.providers(), other.providers());
        let is_same = ours.len() == theirs.len()
            && ours
                .iter()
                .zip(theirs)
                .all(|(one, other)| one.is_like(other));
        (!is_same).then_some("the providers")
    }
}

impl BoxProvider {
    fn is_like(&self, other: &Self) -> bool {
        let is_same_file = match (&self.source, &other.source) {
            (BoxSource::Hosted(one), BoxSource::Hosted(other)) => {
                (one.len, &one.sha256) == (other.len, &other.sha256)
            }
            (one, other) => one == other,
        };
        is_same_file
            && (&self.name, &self.architecture) == (&other.name, &other.architecture)
            && self.is_default == other.is_default
            && self.shown_checksum() == other.shown_checksum()
    }
}
