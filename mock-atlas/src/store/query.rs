//! What a search asks for, free of its spelling in a URL.

/// A search among the versions of one artifact type: a selection, narrowed by filters that must
/// all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Which versions are looked at, and how many may come back.
    pub(crate) select: Select,
    /// What their metadata must have.
    pub(crate) filters: Vec<Filter>,
}

impl Query {
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
