//! Queries among the versions of one artifact type.

use std::num::NonZeroU64;

/// A search among the versions of one artifact type: a selection, narrowed by filters that must
/// all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Which versions are looked at, and how many may come back.
    pub(crate) select: Select,
    /// What their metadata must have.
    pub(crate) filters: Vec<Filter>,
}

/// A part of a search: a long one is made of several, so that others have their turn in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// It is about the numbers up to this one.
    pub(crate) highest: u64,
    /// The build is the one that was the latest in the first page, if that matters: a later one may have
    /// come since.
    pub(crate) build: Option<NonZeroU64>,
    /// It finds at most so many versions.
    pub(crate) versions: usize,
    /// The page ends after this many looks into sets of numbers: each takes time, whether it finds or not.
    pub(crate) looks: usize,
}

impl Page {
    /// Returns the first page of a search, which ends with so many versions or looks.
    pub(crate) const fn first(versions: usize, looks: usize) -> Self {
        Self {
            highest: u64::MAX,
            build: None,
            versions,
            looks,
        }
    }
}

impl Query {
    /// The sets that a version must be in, each of what one filter accepts; `None` where there is
    /// no such set, and so no such version.
    // Contract: search.keys-and
    pub(crate) fn accepts<S>(&self, of_filter: impl Fn(&Filter) -> Option<S>) -> Option<Vec<S>> {
        self.filters.iter().map(of_filter).collect()
    }
}

/// Which versions a search looks at (contract: Search and download).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Select {
    /// All that match, newest first.
    #[default]
    All,
    /// The latest version, if it matches.
    // Contract: search.version-latest
    Latest,
    /// The newest that matches.
    // Contract: search.version-any
    Newest,
    /// The version of this number, if it matches.
    // Contract: search.version-number
    Number(u64),
    /// The newest match within the latest build.
    // Contract: search.build-latest
    LatestBuild,
    /// The newest match that any build made.
    // Contract: search.build-any
    AnyBuild,
    /// The newest match that this build made.
    // Contract: search.build-number
    Build(u64),
    /// Nothing: what was asked for can name no version.
    Nothing,
}

/// A condition on one metadata key.
// Contract: search.key-without-value
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// The key, which must be there.
    pub(crate) key: String,
    /// The value it must have; `None` is any.
    pub(crate) value: Option<String>,
}
