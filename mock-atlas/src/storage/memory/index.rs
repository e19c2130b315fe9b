//! The index of the visible versions of one artifact type, for each kind of search.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::domain::{FileState, Filter, Metadata, Page, Query, Select, Version};

/// The numbers of the visible versions, grouped by their properties, so that a search reads only
/// versions that it returns.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    all: Numbers,
    with_file: Numbers,
    built: Numbers,
    builds: BTreeMap<NonZeroU64, Numbers>,
    // A `BTreeMap`, since a hash map of a million values moves all of them when it grows, which
    // holds up every request for the artifact.
    metadata: BTreeMap<Arc<str>, Key>,
}

/// The versions that have one metadata key, and the versions for each of its values.
#[derive(Clone, Debug, Default)]
struct Key {
    all: Numbers,
    values: BTreeMap<Arc<str>, Numbers>,
}

impl Index {
    /// Adds a visible version.
    pub(super) fn add(&mut self, version: &Version) {
        let number = version.number;
        self.all.insert(number);
        if version.file == FileState::Stored {
            self.with_file.insert(number);
        }
        if let Some(build) = version.build {
            self.built.insert(number);
            self.builds.entry(build).or_default().insert(number);
        }
        for (key, value) in version.metadata.shared() {
            let key = self.metadata.entry(Arc::clone(key)).or_default();
            key.all.insert(number);
            let value = key.values.entry(Arc::clone(value)).or_default();
            value.insert(number);
        }
    }

    /// Removes a version. Does nothing for a version that is not in the index.
    pub(super) fn remove(&mut self, version: &Version) {
        let number = version.number;
        self.all.remove(number);
        self.with_file.remove(number);
        if let Some(build) = version.build {
            self.built.remove(number);
            remove_from(&mut self.builds, &build, number);
        }
        for (text, value) in version.metadata.iter() {
            let Some(key) = self.metadata.get_mut(text) else {
                continue;
            };
            key.all.remove(number);
            remove_from(&mut key.values, value, number);
            if key.all.is_empty() {
                self.metadata.remove(text);
            }
        }
    }

    /// Returns the newest version that has a file.
    // Contract: download.latest-with-file
    pub(super) fn latest_with_file(&self) -> Option<u64> {
        self.with_file.highest(0..=u64::MAX)
    }

    /// Replaces texts of the metadata with equal texts of earlier versions, to save memory: most
    /// versions of a type have the same keys, and many have the same values.
    pub(super) fn share(&self, metadata: Metadata) -> Metadata {
        metadata.map_texts(|key, value| {
            let Some((known, of_key)) = self.metadata.get_key_value(&**key) else {
                return;
            };
            *key = Arc::clone(known);
            if let Some((known, _)) = of_key.values.get_key_value(&**value) {
                *value = Arc::clone(known);
            }
        })
    }

    /// Returns the numbers that a search finds within a page, the newest first, and the next page,
    /// if the search is not complete.
    pub(super) fn search(&self, query: &Query, page: Page) -> (Vec<u64>, Option<Page>) {
        let latest_build = self.builds.last_key_value().map(|(build, _)| *build);
        let build = page.build.or(latest_build);
        let filters = query.accepts(|filter| self.accepted_by(filter));
        let Some(((chosen, within), mut sets)) =
            self.chosen(query.select, page.highest, build).zip(filters)
        else {
            return (Vec::new(), None);
        };
        sets.push(chosen);
        let most = match query.select {
            Select::All => page.versions,
            _ => 1,
        };
        let (numbers, rest) = common(&sets, within, most, page.looks);
        let is_done = query.select != Select::All && !numbers.is_empty();
        let highest = rest.filter(|_| !is_done);
        let next = highest.map(|highest| Page {
            highest,
            build,
            ..page
        });
        (numbers, next)
    }

    /// Returns the set of numbers of a selection, and the range to search in it.
    fn chosen(
        &self,
        select: Select,
        highest: u64,
        latest_build: Option<NonZeroU64>,
    ) -> Option<(&Numbers, RangeInclusive<u64>)> {
        let everywhere = 0..=highest;
        let of_build = |build| self.builds.get(&build);
        let chosen = match select {
            Select::All | Select::Newest => &self.all,
            Select::Latest => {
                let number = self.all.highest(everywhere)?;
                return Some((&self.all, number..=number));
            }
            Select::Number(number) => return Some((&self.all, number..=number)),
            Select::LatestBuild => latest_build.and_then(of_build)?,
            Select::AnyBuild => &self.built,
            Select::Build(build) => NonZeroU64::new(build).and_then(of_build)?,
            Select::Nothing => return None,
        };
        Some((chosen, everywhere))
    }

    fn accepted_by(&self, Filter { key, value }: &Filter) -> Option<&Numbers> {
        let key = self.metadata.get(key.as_str())?;
        match value {
            Some(value) => key.values.get(value.as_str()),
            None => Some(&key.all),
        }
    }
}

fn remove_from<K, Q>(map: &mut BTreeMap<K, Numbers>, key: &Q, number: u64)
where
    K: std::borrow::Borrow<Q> + Ord,
    Q: Ord + ?Sized,
{
    if let Some(numbers) = map.get_mut(key) {
        numbers.remove(number);
        if numbers.is_empty() {
            map.remove(key);
        }
    }
}

/// Returns the numbers within a range that are in all sets, the highest first, up to `most` numbers
/// or `most_looks` lookups; and the number to continue from, if there may be more. Numbers that one
/// set lacks are skipped in the other sets in one step.
///
/// A round looks into each set once, and ends at the number it began with if all sets contain it. A
/// range of one number therefore takes one round, whatever the limit of lookups is.
// Contract: search.newest-first
fn common(
    sets: &[&Numbers],
    within: RangeInclusive<u64>,
    most: usize,
    most_looks: usize,
) -> (Vec<u64>, Option<u64>) {
    let (low, mut at) = within.into_inner();
    let (mut found, mut looks) = (Vec::new(), 0);
    while looks < most_looks && found.len() < most {
        looks += sets.len();
        let Some(next) = round(sets, low, at) else {
            return (found, None);
        };
        if next < at {
            at = next;
            continue;
        }
        found.push(at);
        match at.checked_sub(1).filter(|below| *below >= low) {
            Some(below) => at = below,
            None => return (found, None),
        }
    }
    (found, Some(at))
}

/// Returns the lowest of the highest numbers: each set looks for its highest number up to the
/// previous set's result.
fn round(sets: &[&Numbers], low: u64, from: u64) -> Option<u64> {
    sets.iter().try_fold(from, |at, set| set.highest(low..=at))
}

/// An ordered set of numbers.
#[derive(Clone, Debug)]
enum Numbers {
    /// A single number without a tree: many values belong to a single version, and a tree would
    /// take 104 bytes for it.
    One(u64),
    Many(BTreeSet<u64>),
}

impl Default for Numbers {
    fn default() -> Self {
        Self::Many(BTreeSet::new())
    }
}

impl Numbers {
    fn insert(&mut self, number: u64) {
        match self {
            Self::Many(numbers) if numbers.is_empty() => *self = Self::One(number),
            Self::Many(numbers) => {
                numbers.insert(number);
            }
            Self::One(only) => *self = Self::Many([*only, number].into()),
        }
    }

    fn remove(&mut self, number: u64) {
        match self {
            Self::Many(numbers) => {
                numbers.remove(&number);
            }
            Self::One(only) if *only == number => *self = Self::default(),
            Self::One(_) => {}
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Many(numbers) if numbers.is_empty())
    }

    fn highest(&self, within: RangeInclusive<u64>) -> Option<u64> {
        match self {
            Self::Many(_) if within.is_empty() => None,
            Self::Many(numbers) => numbers.range(within).next_back().copied(),
            Self::One(only) => within.contains(only).then_some(*only),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use uuid::Uuid;

    use super::*;

    fn version(number: u64, build: u64, key: &str) -> Version {
        Version {
            number,
            id: "".into(),
            metadata: [(key.to_owned(), "v".to_owned())].into_iter().collect(),
            build: NonZeroU64::new(build),
            file: FileState::None,
            upload: Uuid::new_v4(),
            created: SystemTime::UNIX_EPOCH,
        }
    }

    fn search(select: Select, keys: &[&str]) -> Query {
        let filter = |key: &&str| Filter {
            key: (*key).to_owned(),
            value: None,
        };
        let filters = keys.iter().map(filter).collect();
        Query { select, filters }
    }

    /// Returns the numbers that each page of a search finds, beginning with `first`.
    fn pages(index: &Index, query: &Query, first: Page) -> Vec<Vec<u64>> {
        let (mut next, mut pages) = (Some(first), Vec::new());
        while let Some(page) = next {
            let (numbers, more) = index.search(query, page);
            pages.push(numbers);
            next = more;
        }
        pages
    }

    #[test]
    fn a_page_ends_after_so_many_looks_though_nothing_is_found() {
        let mut index = Index::default();
        for number in 1..=1000 {
            let key = if number % 2 == 0 { "even" } else { "odd" };
            index.add(&version(number, 0, key));
        }
        let query = search(Select::All, &["even", "odd"]);
        let pages = pages(&index, &query, Page::first(1000, 60));
        // A round looks into three sets and goes down by two numbers. The last page finds that no
        // number is left.
        assert_eq!(pages, vec![Vec::<u64>::new(); 1000 / 2 / (60 / 3) + 1]);
    }

    #[test]
    fn a_search_of_the_latest_build_stays_with_the_one_it_began_with() {
        let mut index = Index::default();
        index.add(&version(1, 1, "wanted"));
        index.add(&version(2, 1, "other"));
        index.add(&version(3, 0, "wanted"));
        let query = search(Select::LatestBuild, &["wanted"]);
        let (numbers, next) = index.search(&query, Page::first(1, 1));
        assert!(numbers.is_empty());
        index.add(&version(4, 2, "other"));
        assert_eq!(pages(&index, &query, next.unwrap()).concat(), [1]);
    }
}
