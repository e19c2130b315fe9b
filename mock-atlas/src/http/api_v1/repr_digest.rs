//! Gives the SHA-256 of a file to clients that ask for it by `Want-Repr-Digest` (RFC 9530).

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sfv::{Dictionary, ListEntry, Parser};

use crate::http::error::ApiError;
use crate::storage::Blob;

const WANT_REPR_DIGEST: HeaderName = HeaderName::from_static("want-repr-digest");
pub(super) const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// The name of SHA-256 in the registry of RFC 9530.
const SHA_256: &str = "sha-256";

/// Returns the value of `Repr-Digest` for a file, if the request asks for its SHA-256. The digest is
/// that of the whole file, also in a reply with a part of it.
///
/// # Errors
/// When the file cannot be read.
// Contract: silent.repr-digest
pub(super) async fn repr_digest(
    blob: &Blob,
    headers: &HeaderMap,
) -> Result<Option<HeaderValue>, ApiError> {
    if !wants_sha256(headers) {
        return Ok(None);
    }
    let digest = blob.compute_sha256().await.map_err(|error| {
        ApiError::Internal(format!("The file cannot be read for its digest: {error}."))
    })?;
    let value = format!("{SHA_256}=:{}:", STANDARD.encode(digest.as_bytes()));
    Ok(value.try_into().ok())
}

/// Returns whether the preferences of a request accept SHA-256: 1 to 10 is a preference, and 0 refuses
/// (RFC 9530, 4). Preferences that cannot be parsed are ignored, since the field is only advice.
fn wants_sha256(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(WANT_REPR_DIGEST).iter();
    let lines: Vec<&[u8]> = lines.map(HeaderValue::as_bytes).collect();
    if lines.is_empty() {
        return false;
    }
    // Several lines mean the same as one line with commas (RFC 9651, 4.2).
    let parsed: Result<Dictionary, _> = Parser::new(&lines.join(&b", "[..])).parse();
    let preferences = parsed.unwrap_or_default();
    let Some(ListEntry::Item(preference)) = preferences.get(SHA_256) else {
        return false;
    };
    let preference = preference.bare_item.as_integer().map(i64::from);
    preference.is_some_and(|preference| (1..=10).contains(&preference))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let pair = |line: &&str| (WANT_REPR_DIGEST, HeaderValue::try_from(*line).unwrap());
        lines.iter().map(pair).collect()
    }

    #[test]
    fn a_preference_above_zero_asks_for_it() {
        for lines in [
            &["sha-256=1"][..],
            &["sha-512=10, sha-256=3;why=\"old\", unixsum=0"],
            &["sha-512=10", "sha-256=10"],
            &["sha-256=0, sha-256=5"],
        ] {
            assert!(wants_sha256(&headers(lines)), "{lines:?}");
        }
    }

    #[test]
    fn other_preferences_and_what_cannot_be_parsed_ask_for_nothing() {
        for lines in [
            &[][..],
            &[""],
            &["sha-512=10"],
            &["sha-256=0"],
            &["sha-256"],
            &["sha-256=11"],
            &["sha-256=-1"],
            &["sha-256=1.5"],
            &["sha-256=(1 2)"],
            &["SHA-256=1"],
            &["sha-256=1,"],
            &["sha-256=1, sha-512=?"],
        ] {
            assert!(!wants_sha256(&headers(lines)), "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_preference_or_none(bytes in prop::collection::vec(32..=255_u8, 0..40)) {
            if let Ok(value) = HeaderValue::try_from(bytes) {
                let _ = wants_sha256(&HeaderMap::from_iter([(WANT_REPR_DIGEST, value)]));
            }
        }
    }
}
