//! What a search asks for, free of its spelling in a URL.

use std::sync::Arc;

use super::Version;

/// A search among the versions of one artifact type: a selection, narrowed by filters that must
/// all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Which versions are looked at, and how many may come back.
    pub(crate) select: Select,
    /// What their metadata must have.
    pub(crate) filters: Vec<Filter>,
}

/// A part of what a search finds: a long search is made of several, so that others have their turn in
/// between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// A number in it is at most this one.
    pub(crate) highest: u64,
    /// It has at most so many versions.
    pub(crate) most: usize,
}

impl Page {
    /// Returns the first page, of at most so many versions.
    pub(crate) const fn first(most: usize) -> Self {
        let highest = u64::MAX;
        Self { highest, most }
    }
}

impl Query {
    /// Returns the page behind one in which this was found; `None` where there was room for more, or no
    /// more than one version may come back.
    pub(crate) fn page_after(&self, page: Page, found: &[Arc<Version>]) -> Option<Page> {
        let is_full = self.select == Select::All && found.len() >= page.most;
        let last = found.last().filter(|_| is_full)?;
        let highest = last.number.checked_sub(1)?;
        Some(Page { highest, ..page })
    }

    /// The sets that a version must be in, each of what one filter accepts; `None` where there is
    /// no such set, and so no such version.
    pub(super) fn accepts<S>(&self, of_filter: impl Fn(&Filter) -> Option<S>) -> Option<Vec<S>> {
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
    Latest,
    /// The newest that matches.
    Newest,
    /// The version of this number, if it matches.
    Number(u64),
    /// The newest match within the latest build.
    LatestBuild,
    /// The newest match that any build made.
    AnyBuild,
    /// The newest match that this build made.
    Build(u64),
    /// Nothing: what was asked for can name no version.
    Nothing,
}

/// A condition on one metadata key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// The key, which must be there.
    pub(crate) key: String,
    /// The value it must have; `None` is any.
    pub(crate) value: Option<String>,
}
