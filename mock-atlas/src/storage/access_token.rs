//! Access tokens: short-lived tokens that a client gets for a token of its own.
//!
//! An access token is not stored. It names the token that it was issued for and the time of its
//! expiry, and a keyed hash of both, whose key only the catalog has. It is therefore void as soon as
//! its token is revoked.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use super::token::Hashed;

/// The beginning of all access tokens.
const PREFIX: &str = "hcp.";

/// An access token that was read, and whose hash is not checked yet.
#[derive(Clone, Debug)]
pub(super) struct AccessToken {
    /// The id of the token that it was issued for.
    pub(super) token: Uuid,
    /// The time from which it is void, in seconds since 1970.
    expires: u64,
    proof: blake3::Hash,
}

impl AccessToken {
    /// Issues an access token for a token with this id and hash, and returns its value.
    pub(super) fn issue(token: Uuid, hash: Hashed, expires: SystemTime) -> String {
        let since = expires.duration_since(UNIX_EPOCH).unwrap_or_default();
        let expires = since.as_secs();
        let proof = prove(token, hash, expires);
        format!("{PREFIX}{}.{expires}.{}", token.simple(), proof.to_hex())
    }

    /// Reads an access token; `None` for a text that is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(PREFIX)?.split('.');
        let (token, expires, proof) = (parts.next()?, parts.next()?, parts.next()?);
        let read = Self {
            token: Uuid::try_parse(token).ok()?,
            expires: expires.parse().ok()?,
            proof: blake3::Hash::from_hex(proof).ok()?,
        };
        parts.next().is_none().then_some(read)
    }

    /// Returns whether the access token was issued for the token with this hash, and has not
    /// expired. The comparison takes constant time.
    pub(super) fn is_valid(&self, hash: Hashed, now: SystemTime) -> bool {
        let expires = UNIX_EPOCH.checked_add(Duration::from_secs(self.expires));
        let is_alive = expires.is_some_and(|expires| now < expires);
        is_alive && prove(self.token, hash, self.expires) == self.proof
    }
}

fn prove(token: Uuid, hash: Hashed, expires: u64) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(hash.as_bytes());
    hasher.update(b"mock-atlas: access token");
    hasher.update(token.as_bytes());
    hasher.update(&expires.to_be_bytes());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Uuid = Uuid::from_u128(7);

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn an_access_token_is_valid_until_it_expires_and_for_its_token_only() {
        let hash = Hashed::of("secret");
        let value = AccessToken::issue(TOKEN, hash, at(3600));
        let read = AccessToken::read(&value).unwrap();
        assert_eq!(read.token, TOKEN);
        assert!(read.is_valid(hash, at(3599)));
        assert!(!read.is_valid(hash, at(3600)), "expired");
        assert!(
            !read.is_valid(Hashed::of("other"), at(0)),
            "of another token"
        );
    }

    #[test]
    fn a_changed_access_token_is_not_valid() {
        let hash = Hashed::of("secret");
        let value = AccessToken::issue(TOKEN, hash, at(3600));
        for (from, to) in [(".3600.", ".3601."), ("7.3600", "8.3600")] {
            let changed = value.replace(from, to);
            assert_ne!(changed, value);
            let read = AccessToken::read(&changed).unwrap();
            assert!(!read.is_valid(hash, at(0)), "{changed}");
        }
        for no_token in ["", "hcp.", "hcp.x.1.y", &value[1..], &format!("{value}.1")] {
            assert!(AccessToken::read(no_token).is_none(), "{no_token}");
        }
    }
}
