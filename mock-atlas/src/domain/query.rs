//! Searches among the versions of one artifact type.

use std::num::NonZeroU64;

/// A search among the versions of one artifact type: a selection, and filters that must all match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// The versions that the search considers, and how many it may return.
    pub(crate) select: Select,
    /// The conditions on the metadata.
    pub(crate) filters: Vec<Filter>,
}

/// A page of a search. A long search is split into pages, so that other tasks can run in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The highest version number that the page considers.
    pub(crate) highest: u64,
    /// The latest build at the time of the first page, for searches within the latest build: a
    /// later build may have come since.
    pub(crate) build: Option<NonZeroU64>,
    /// The largest number of versions that the page returns.
    pub(crate) versions: usize,
    /// The largest number of lookups in sets of numbers: each takes time, whether it finds
    /// something or not.
    pub(crate) looks: usize,
}

impl Page {
    /// Returns the first page of a search, with limits on the versions and the lookups.
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
    /// Returns one set for each filter, which `of_filter` looks up; `None` if a filter has no set,
    /// so that no version can match.
    // Contract: search.keys-and
    pub(crate) fn accepts<S>(&self, of_filter: impl Fn(&Filter) -> Option<S>) -> Option<Vec<S>> {
        self.filters.iter().map(of_filter).collect()
    }
}

/// The selection of versions that a search considers (contract: Search and download).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Select {
    /// All matching versions, newest first.
    #[default]
    All,
    /// The latest version, if it matches.
    // Contract: search.version-latest
    Latest,
    /// The newest matching version.
    // Contract: search.version-any
    Newest,
    /// The version of this number, if it matches.
    // Contract: search.version-number
    Number(u64),
    /// The newest match within the latest build.
    // Contract: search.build-latest
    LatestBuild,
    /// The newest matching version that any build made.
    // Contract: search.build-any
    AnyBuild,
    /// The newest matching version that this build made.
    // Contract: search.build-number
    Build(u64),
    /// No version: the requested value cannot name any.
    Nothing,
}

/// A condition on one metadata key.
// Contract: search.key-without-value
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// The key, which must be present.
    pub(crate) key: String,
    /// The required value; `None` accepts any value.
    pub(crate) value: Option<String>,
}
