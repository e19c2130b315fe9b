//! Searches among boxes.

use super::{BoxProvider, VagrantBox};
use crate::domain::ArtifactName;

/// A filter of boxes that have an active version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BoxFilter {
    /// A part of the username, the name or the short description, in any case.
    pub(crate) text: String,
    /// The names of which a provider of the current version has one; none accept all.
    pub(crate) providers: Vec<String>,
    /// The architectures of which that provider has one; none accept all.
    pub(crate) architectures: Vec<String>,
}

/// A search among boxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoxQuery {
    pub(crate) filter: BoxFilter,
    pub(crate) sort: BoxSort,
    pub(crate) order: BoxOrder,
    /// The greatest number of boxes on a page.
    pub(crate) limit: usize,
    /// The number of the page, counted from 1.
    pub(crate) page: usize,
}

/// The property by which the found boxes are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BoxSort {
    Downloads,
    Created,
    Updated,
}

/// The direction in which the found boxes are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BoxOrder {
    Ascending,
    Descending,
}

impl BoxFilter {
    /// Returns whether the filter accepts a box.
    // Contract: boxes.search-active, boxes.search-terms, boxes.search-filters
    pub(crate) fn accepts(&self, name: &ArtifactName, of: &VagrantBox) -> bool {
        let Some((_, current)) = of.current_version() else {
            return false;
        };
        let text = self.text.to_lowercase();
        let has_text = |within: &str| within.to_lowercase().contains(&text);
        let is_meant = |provider: &BoxProvider| {
            let wanted = |told: &[String], name: &str| {
                told.is_empty() || told.iter().any(|told| told == name)
            };
            wanted(&self.providers, provider.name.as_str())
                && wanted(&self.architectures, provider.architecture.as_str())
        };
        let has_filter = !self.providers.is_empty() || !self.architectures.is_empty();
        (has_text(name.username.as_str())
            || has_text(name.name.as_str())
            || has_text(&of.short_description)
            || has_text(&name.to_string()))
            && (!has_filter || current.providers().iter().any(is_meant))
    }
}

impl BoxQuery {
    /// Sorts the found boxes, which are ordered by name, and returns one page of them.
    // Contract: boxes.search-pages, boxes.search-order
    pub(crate) fn page<T>(&self, mut found: Vec<T>, of: impl Fn(&T) -> &VagrantBox) -> Vec<T> {
        found.sort_by(|a, b| {
            let (a, b) = (of(a), of(b));
            let order = match self.sort {
                BoxSort::Downloads => a.downloads.cmp(&b.downloads),
                BoxSort::Created => a.created.cmp(&b.created),
                BoxSort::Updated => a.updated.cmp(&b.updated),
            };
            match self.order {
                BoxOrder::Ascending => order,
                BoxOrder::Descending => order.reverse(),
            }
        });
        let skipped = self.page.saturating_sub(1).saturating_mul(self.limit);
        found.into_iter().skip(skipped).take(self.limit).collect()
    }
}
