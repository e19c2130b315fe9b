//! Lists of artifacts, of their types, and of the files of their versions, page by page.

use std::time::SystemTime;

use crate::domain::{ArtifactName, Caller, Digest, Name, Visibility};

/// A query for one page of artifacts, the last that were created first.
#[derive(Clone, Debug, Default)]
pub(crate) struct ArtifactsQuery {
    /// The owner; `None` for all.
    pub(crate) owner: Option<Name>,
    /// A part of `username/name`, in lower case; an empty text for all.
    pub(crate) text: String,
    /// The caller who may read the artifacts, without regard to the scope of the token; `None` for all artifacts.
    pub(crate) readable_by: Option<Caller>,
    /// The place that the page begins below; `None` for the first page.
    pub(crate) below: Option<u64>,
    /// The greatest number of artifacts.
    pub(crate) most: usize,
}

/// An artifact in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedArtifact {
    /// The place in the list: an artifact that was created later has a higher one.
    pub(crate) place: u64,
    pub(crate) name: ArtifactName,
    pub(crate) visibility: Visibility,
    pub(crate) has_box: bool,
}

/// A type of an artifact with its newest visible version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedType {
    pub(crate) artifact_type: Name,
    /// The number of the newest version.
    pub(crate) newest: u64,
    pub(crate) created: SystemTime,
}

/// The file of a version in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListedFile {
    /// The number of the version.
    pub(crate) number: u64,
    /// The size in bytes.
    pub(crate) size: u64,
    pub(crate) digest: Digest,
}
