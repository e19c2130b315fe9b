//! Which versions of one artifact type can be found, in every way that a search asks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::{Filter, Metadata, Query, Select, Version};

/// The numbers of the versions that can be found, by what they have, so that no search looks at a
/// version that it does not hand out.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    all: Numbers,
    with_file: Numbers,
    built: Numbers,
    builds: BTreeMap<NonZeroU64, Numbers>,
    // No hash map: the insertion that makes one of a million values grow moves all of them, and
    // whoever asks for the artifact waits.
    metadata: BTreeMap<Arc<str>, Key>,
}

/// The versions that have one key of metadata, and those of each of its values.
#[derive(Clone, Debug, Default)]
struct Key {
    all: Numbers,
    values: BTreeMap<Arc<str>, Numbers>,
}

impl Index {
    /// Adds a version that can be found from now on.
    pub(super) fn add(&mut self, version: &Version) {
        let number = version.number;
        self.all.insert(number);
        if version.blob().is_some() {
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

    /// Takes a version away. One that is not here changes nothing.
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

    /// The newest that has a file.
    pub(super) fn latest_with_file(&self) -> Option<u64> {
        self.with_file.highest(0..=u64::MAX)
    }

    /// The same metadata in the texts that are here already: most versions of a type have the keys,
    /// and many of the values, of those before.
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

    /// Returns the numbers that a search finds and that are not higher than this one, the newest first.
    pub(super) fn search(&self, query: &Query, highest: u64) -> impl Iterator<Item = u64> {
        let everywhere = 0..=highest;
        let latest = self.all.highest(everywhere.clone());
        let chosen = match query.select {
            Select::All | Select::Newest => Some((&self.all, everywhere)),
            Select::Latest => latest.map(|number| (&self.all, number..=number)),
            Select::Number(number) => Some((&self.all, number..=number)),
            Select::LatestBuild => self.builds.last_key_value().map(|(_, of)| (of, everywhere)),
            Select::AnyBuild => Some((&self.built, everywhere)),
            Select::Build(build) => NonZeroU64::new(build)
                .and_then(|build| self.builds.get(&build))
                .map(|of| (of, everywhere)),
            Select::Nothing => None,
        };
        let most = match query.select {
            Select::All => usize::MAX,
            _ => 1,
        };
        let filters = query.accepts(|filter| self.accepted_by(filter));
        chosen
            .zip(filters)
            .into_iter()
            .flat_map(|((chosen, within), mut sets)| {
                sets.push(chosen);
                common(sets, within)
            })
            .take(most)
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

/// What is in all of these sets and in a range, the highest first.
fn common(sets: Vec<&Numbers>, within: RangeInclusive<u64>) -> impl Iterator<Item = u64> {
    let (low, high) = within.into_inner();
    let mut next = Some(high);
    std::iter::from_fn(move || {
        let found = highest_common(&sets, low..=next?);
        next = found.and_then(|number| number.checked_sub(1));
        found
    })
}

/// Goes down from one set to the next, so that what one of them lacks is passed over in all at once.
fn highest_common(sets: &[&Numbers], within: RangeInclusive<u64>) -> Option<u64> {
    let (low, mut at) = within.into_inner();
    loop {
        let start = at;
        for set in sets {
            at = set.highest(low..=at)?;
        }
        if at == start {
            return Some(at);
        }
    }
}

/// A set of numbers in their order.
#[derive(Clone, Debug)]
enum Numbers {
    /// Many a value is that of a single version, and a tree would take 104 bytes for its number.
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
