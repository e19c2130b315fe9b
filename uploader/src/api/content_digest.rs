//! Writes and reads the digest of a version's bytes in the version's metadata: a push writes it, and a pull
//! reads it.

use crate::api::wire::Metadata;
use crate::base::digest::{Algorithm, Digest};

/// The prefix of the metadata keys that this program writes.
pub(crate) const RESERVED_PREFIX: &str = "atlas-upload.";

/// Returns the metadata key and value for a digest. The key names the algorithm.
pub(crate) fn entry(digest: &Digest) -> (String, String) {
    (key(digest.algorithm()), digest.hex())
}

fn key(algorithm: Algorithm) -> String {
    format!("{RESERVED_PREFIX}{}", algorithm.name())
}

/// Returns the digest in the metadata, whichever release of this program wrote it.
pub(crate) fn of(metadata: &Metadata) -> Option<Digest> {
    Algorithm::ALL.into_iter().find_map(|algorithm| {
        let hex = metadata.get(&key(algorithm))?;
        Digest::from_hex(algorithm, hex)
    })
}
