//! A version's metadata, in the order in which the real Atlas gave it back.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::Name;

const REGION_PREFIX: &str = "region.";

/// The keys that Atlas derived: a list of images, and a list of their regions.
const DERIVED: [&str; 2] = ["ami_id", "region"];

/// The artifact types for which Atlas derived lists of regions (contract: Versions): the type of
/// Amazon's images, and its older names (inferred).
// Contract: regions.older-names, regions.other-types
const AMAZON: [&str; 3] = ["amazon.image", "amazon.ami", "aws.ami"];

/// The metadata of a version: text values by key, ordered by the key's length and then by its
/// bytes, as PostgreSQL's `jsonb` orders keys (recorded; contract: Versions).
// Contract: metadata.dotted-keys
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata(Vec<(Arc<str>, Arc<str>)>);

impl Metadata {
    /// Returns the value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.position(key).ok().map(|at| &*self.0[at].1)
    }

    /// Returns a lower bound of the number of keys that the client sent: the derived keys may or
    /// may not come from the client.
    pub(crate) fn sent_keys(&self) -> usize {
        self.0.len().saturating_sub(DERIVED.len())
    }

    /// Returns the keys and values in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Returns the keys and values in order, as shared texts that the caller can clone cheaply.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &(Arc<str>, Arc<str>)> {
        self.0.iter()
    }

    /// Calls `replace` for each pair, so that it can replace the texts with equal texts.
    #[must_use]
    pub(crate) fn map_texts(
        mut self,
        mut replace: impl FnMut(&mut Arc<str>, &mut Arc<str>),
    ) -> Self {
        for (key, value) in &mut self.0 {
            replace(key, value);
        }
        self
    }

    /// Adds the keys that Atlas derives from `region.*` keys: `ami_id` and `region`, each a list
    /// joined by commas and sorted by region. Keys that the client sent itself win (recorded;
    /// inferred). Versions of types other than Amazon's images get no derived keys (recorded).
    // Contract: regions.lists-added, regions.sorted, regions.from-metadata
    #[must_use]
    pub(crate) fn with_derived_regions(mut self, artifact_type: &Name) -> Self {
        if !AMAZON.contains(&artifact_type.as_str()) {
            return self;
        }
        let mut regions: Vec<(&str, &Arc<str>)> = self
            .shared()
            .filter_map(|(key, ami)| Some((key.strip_prefix(REGION_PREFIX)?, ami)))
            .filter(|(region, _)| !region.is_empty())
            .collect();
        regions.sort_unstable();
        let (amis, names) = match &regions[..] {
            [] => return self,
            // A single image shares its text, which takes no more memory.
            [(region, ami)] => (Arc::clone(ami), (*region).into()),
            several => (
                join(several.iter().map(|(_, ami)| &***ami)),
                join(several.iter().map(|(region, _)| *region)),
            ),
        };
        self.0.reserve_exact(DERIVED.len());
        for (key, value) in DERIVED.into_iter().zip([amis, names]) {
            self.insert_if_absent(key, value);
        }
        self
    }

    // Contract: regions.clients-keys-win
    fn insert_if_absent(&mut self, key: &str, value: Arc<str>) {
        if let Err(at) = self.position(key) {
            self.0.insert(at, (key.into(), value));
        }
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(other, _)| jsonb_order(other).cmp(&jsonb_order(key)))
    }
}

impl<K: Into<Arc<str>>, V: Into<Arc<str>>> FromIterator<(K, V)> for Metadata {
    /// Builds metadata from pairs. The last value wins where a key occurs twice.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut pairs: Vec<(Arc<str>, Arc<str>)> = pairs
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        // After the reversal and a stable sort, the last of equal keys comes first, and `dedup`
        // keeps it.
        pairs.reverse();
        pairs.sort_by(|(a, _), (b, _)| jsonb_order(a).cmp(&jsonb_order(b)));
        pairs.dedup_by(|(later, _), (earlier, _)| later == earlier);
        pairs.shrink_to_fit();
        Self(pairs)
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

// Contract: metadata.order
fn jsonb_order(key: &str) -> (usize, &[u8]) {
    (key.len(), key.as_bytes())
}

fn join<'a>(parts: impl Iterator<Item = &'a str>) -> Arc<str> {
    parts.collect::<Vec<_>>().join(",").into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn metadata(pairs: &[(&str, &str)]) -> Metadata {
        pairs.iter().copied().collect()
    }

    proptest! {
        #[test]
        fn any_pairs_come_back_complete_and_in_jsonb_order(
            pairs in proptest::collection::vec((any::<String>(), any::<String>()), 0..20)
        ) {
            let expected: BTreeMap<String, String> = pairs.iter().cloned().collect();
            let metadata: Metadata = pairs.into_iter().collect();

            let found: BTreeMap<String, String> =
                metadata.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            prop_assert_eq!(&found, &expected);
            for (key, value) in &expected {
                prop_assert_eq!(metadata.get(key), Some(value.as_str()));
            }
            let keys: Vec<&str> = metadata.iter().map(|(key, _)| key).collect();
            for pair in keys.windows(2) {
                let [a, b] = pair else { unreachable!() };
                prop_assert!(a.len() < b.len() || (a.len() == b.len() && a.as_bytes() < b.as_bytes()));
            }
        }
    }

    #[test]
    fn keys_are_ordered_by_length_and_then_by_byte() {
        let metadata = metadata(&[
            ("created_at", "1"),
            ("region", "x"),
            ("os", ""),
            ("amiId", "y"),
        ]);
        assert_eq!(
            serde_json::to_string(&metadata).unwrap(),
            r#"{"os":"","amiId":"y","region":"x","created_at":"1"}"#
        );
    }

    fn derived(artifact_type: &str, pairs: &[(&str, &str)]) -> Metadata {
        let artifact_type = artifact_type.parse().unwrap();
        metadata(pairs).with_derived_regions(&artifact_type)
    }

    const TWO: [(&str, &str); 2] = [("region.us-east-1", "ami-2"), ("region.eu-west-1", "ami-1")];

    #[test]
    fn regions_are_derived_sorted_by_name_for_each_name_of_amazons_images() {
        for artifact_type in AMAZON {
            let metadata = derived(artifact_type, &TWO);
            assert_eq!(metadata.get("ami_id"), Some("ami-1,ami-2"));
            assert_eq!(metadata.get("region"), Some("eu-west-1,us-east-1"));
        }
    }

    #[test]
    fn for_another_type_nothing_is_derived() {
        for artifact_type in ["amazon-linux.image", "custom.image", "amazon.images", "aws"] {
            assert_eq!(
                derived(artifact_type, &TWO),
                metadata(&TWO),
                "{artifact_type}"
            );
        }
    }

    #[test]
    fn keys_sent_by_the_client_win_over_derived_ones() {
        let metadata = derived(
            "aws.ami",
            &[("region.us-east-1", "ami-2"), ("region", "mine")],
        );
        assert_eq!(metadata.get("region"), Some("mine"));
        assert_eq!(metadata.get("ami_id"), Some("ami-2"));
    }

    #[test]
    fn nothing_is_derived_without_regions() {
        let plain = [("regional", "x"), ("region.", "y")];
        assert_eq!(derived("amazon.image", &plain), metadata(&plain));
    }
}
