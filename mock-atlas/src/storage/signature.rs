//! Signatures of paths: whoever has the signature of a path may read it, without a token, until the signature
//! expires. They are not stored, as access tokens are not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::token::Hashed;

/// Returns the signature of a path, with the hash of a token as the key.
pub(super) fn sign(key: Hashed, path: &str, expires: SystemTime) -> String {
    let since = expires.duration_since(UNIX_EPOCH).unwrap_or_default();
    let expires = since.as_secs();
    format!("{expires}.{}", prove(key, path, expires).to_hex())
}

/// Returns whether a signature is that of a path, and has not expired. The comparison takes constant
/// time.
pub(super) fn is_valid(key: Hashed, path: &str, signature: &str, now: SystemTime) -> bool {
    let Some((expires, proof)) = read(signature) else {
        return false;
    };
    let end = UNIX_EPOCH.checked_add(Duration::from_secs(expires));
    end.is_some_and(|end| now < end) && prove(key, path, expires) == proof
}

fn read(signature: &str) -> Option<(u64, blake3::Hash)> {
    let (expires, proof) = signature.split_once('.')?;
    Some((expires.parse().ok()?, blake3::Hash::from_hex(proof).ok()?))
}

fn prove(key: Hashed, path: &str, expires: u64) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key.as_bytes());
    hasher.update(b"mock-atlas: signature of a path");
    hasher.update(&expires.to_be_bytes());
    hasher.update(path.as_bytes());
    hasher.finalize()
}

/// Returns a proof that a text was made by whoever has the key; without one, it is the proof of nobody.
pub(super) fn prove_text(key: Option<Hashed>, text: &str) -> blake3::Hash {
    let none = [0; 32];
    let key = key.as_ref().map_or(&none, Hashed::as_bytes);
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"mock-atlas: proof of a text");
    hasher.update(text.as_bytes());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_valid_for_its_path_until_it_expires() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let key = Hashed::of("root");
        let signature = sign(key, "/a", at(60));
        assert!(is_valid(key, "/a", &signature, at(59)));
        assert!(!is_valid(key, "/a", &signature, at(60)), "expired");
        assert!(!is_valid(key, "/ab", &signature, at(0)));
        assert!(!is_valid(Hashed::of("other"), "/a", &signature, at(0)));
        let later = signature.replace("60.", "61.");
        for other in ["", ".", "60", &signature[1..], &later] {
            assert!(!is_valid(key, "/a", other, at(0)), "{other}");
        }
    }
}
