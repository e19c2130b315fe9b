//! Writes and reads the digest of a version's bytes in its metadata, where a push leaves it for a pull.

use crate::api::wire::Metadata;
use crate::base::digest::{Algorithm, Digest};

/// The keys that begin like this are those of this program.
pub(crate) const RESERVED_PREFIX: &str = "atlas-upload.";

/// Returns the key and the value for a digest: the key names the algorithm.
pub(crate) fn entry(digest: &Digest) -> (String, String) {
    (key(digest.algorithm()), digest.hex())
}

fn key(algorithm: Algorithm) -> String {
    format!("{RESERVED_PREFIX}{}", algorithm.name())
}

/// Returns the digest that the metadata names, whichever release of this program wrote it.
pub(crate) fn of(metadata: &Metadata) -> Option<Digest> {
    Algorithm::ALL.into_iter().find_map(|algorithm| {
        let hex = metadata.get(&key(algorithm))?;
        Digest::from_hex(algorithm, hex)
    })
}
