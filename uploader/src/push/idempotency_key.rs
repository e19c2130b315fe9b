//! The idempotency key of a push is a unique value in its version's metadata. It identifies the version
//! after a lost reply, since Atlas has no such key of its own.

use std::collections::BTreeMap;

use crate::api::content_digest::{self, RESERVED_PREFIX};
use crate::api::wire::{Metadata, Version};
use crate::base::digest::Digest;

/// The metadata key of the idempotency key.
pub const IDEMPOTENCY_KEY: &str = "atlas-upload.push";

/// The keys that the server adds to metadata with keys `region.…`.
const DERIVED: [&str; 2] = ["ami_id", "region"];

/// Returns the metadata with the idempotency key and the digest.
pub(super) fn with_key(
    metadata: &BTreeMap<String, String>,
    key: &str,
    digest: Option<Digest>,
) -> BTreeMap<String, String> {
    let mut all = metadata.clone();
    all.insert(IDEMPOTENCY_KEY.to_owned(), key.to_owned());
    all.extend(digest.as_ref().map(content_digest::entry));
    all
}

/// Returns whether a version has this id and metadata, apart from the keys that a push or the server adds.
pub(super) fn same(version: &Version, id: &str, metadata: &BTreeMap<String, String>) -> bool {
    version.id.as_deref() == Some(id)
        && given(&version.metadata, metadata) == without_reserved(metadata)
}

fn without_reserved(metadata: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let pairs = metadata.iter().map(|(key, value)| (&**key, &**value));
    pairs
        .filter(|(key, _)| !key.starts_with(RESERVED_PREFIX))
        .collect()
}

/// Returns the pairs of a version's metadata that a caller gave, assuming the caller gave the keys `ours`.
fn given<'a>(theirs: &'a Metadata, ours: &BTreeMap<String, String>) -> BTreeMap<&'a str, &'a str> {
    let regions = ours.keys().any(|key| key.starts_with("region."));
    let derived = |key: &str| regions && DERIVED.contains(&key) && !ours.contains_key(key);
    let pairs = theirs.0.iter().map(|(key, value)| (&**key, &**value));
    pairs
        .filter(|(key, _)| !key.starts_with(RESERVED_PREFIX) && !derived(key))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Algorithm;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    fn version(metadata: &[(&str, &str)]) -> Version {
        let metadata: serde_json::Value = serde_json::to_value(map(metadata)).unwrap();
        serde_json::from_value(serde_json::json!({
            "username": "u", "name": "n", "tag": "u/n", "slug": "u/n/t/1", "artifact_type": "t",
            "id": "i", "version": 1, "metadata": metadata, "file": false,
        }))
        .unwrap()
    }

    #[test]
    fn what_a_push_adds_and_what_the_server_derives_make_no_difference() {
        let ours = map(&[("os", "linux"), ("region.us-east-1", "ami-1")]);
        let theirs = version(&[
            ("os", "linux"),
            ("region.us-east-1", "ami-1"),
            ("ami_id", "ami-1"),
            ("region", "us-east-1"),
            (IDEMPOTENCY_KEY, "an older push"),
            ("atlas-upload.sha256", "00"),
        ]);
        assert!(same(&theirs, "i", &ours));
        assert!(!same(&theirs, "another", &ours));
    }

    #[test]
    fn any_other_difference_is_one() {
        let ours = map(&[("os", "linux")]);
        for theirs in [
            &[][..],
            &[("os", "bsd")],
            &[("os", "linux"), ("arch", "x86")],
            // No `region.…` key exists to derive it from, so a caller gave it.
            &[("os", "linux"), ("region", "us-east-1")],
        ] {
            assert!(!same(&version(theirs), "i", &ours), "{theirs:?}");
        }
    }

    #[test]
    fn the_key_of_the_digest_names_the_algorithm() {
        for (algorithm, key) in [
            (Algorithm::Blake3, "atlas-upload.blake3"),
            (Algorithm::Sha256, "atlas-upload.sha256"),
        ] {
            let hex = "ab".repeat(32);
            let digest = Digest::from_hex(algorithm, &hex);
            let metadata = with_key(&map(&[("os", "linux")]), "mark", digest);
            let expected = [("atlas-upload.push", "mark"), (key, &hex), ("os", "linux")];
            assert_eq!(metadata, map(&expected));
            let left = content_digest::of(&version(&expected).metadata);
            assert_eq!(left, digest);
        }
    }
}
