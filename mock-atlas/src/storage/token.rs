//! Tokens and hashed secrets.

use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::AccountError;
use super::last_use::LastUse;
use crate::domain::{Account, Scope};

/// The hash of a token or a password. Dumps and logs therefore cannot show the secret.
///
/// Comparison takes constant time. A map with hashed keys leaks no timing either: it compares only
/// entries that its own secret hash function has put in the same place.
#[derive(Clone, Copy, Hash, Serialize, Deserialize)]
#[allow(
    clippy::derived_hash_with_manual_eq,
    reason = "equal in constant time is equal in the usual sense"
)]
pub(crate) struct Hashed([u8; 32]);

impl Hashed {
    /// Hashes a secret.
    pub(crate) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Returns the bytes of the hash: for storing, and as a key for what only this catalog can check.
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hashed {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for Hashed {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Hashed {}

impl std::fmt::Debug for Hashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hashed")
    }
}

/// The secrets with which a user logs in.
#[derive(Clone, Copy)]
pub(crate) struct Login<'a> {
    /// The username.
    pub(crate) name: &'a str,
    pub(crate) password: &'a str,
    /// The code of the second factor.
    pub(crate) code: Option<&'a str>,
}

/// A token without its value, which the emulator does not keep.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// The identifier of the token, which authorises nothing.
    pub(crate) id: Uuid,
    /// The account that the token authenticates, with the token's scope.
    pub(crate) account: Arc<Account>,
    /// The owner's description of the token; may be empty.
    pub(crate) description: String,
    /// The time at which the token was created.
    pub(crate) created: SystemTime,
    /// The time from which the token is void; `None` for a token without an end.
    pub(crate) expires: Option<SystemTime>,
    pub(crate) last_use: LastUse,
    /// A counter that orders tokens with the same creation time.
    pub(super) order: u64,
}

/// The limits of a token.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenLimits {
    pub(crate) scope: Scope,
    /// The time from which the token is void.
    pub(crate) expires: Option<SystemTime>,
}

impl TokenLimits {
    /// Checks that a new token with these limits is not void already.
    ///
    /// # Errors
    /// [`AccountError::EndIsPast`].
    pub(super) fn check(&self, now: SystemTime) -> Result<(), AccountError> {
        match self.expires.is_some_and(|expires| expires <= now) {
            true => Err(AccountError::EndIsPast),
            false => Ok(()),
        }
    }
}

impl Token {
    /// Returns whether the token is void at a time.
    pub(super) fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Returns the key for sorting tokens, the oldest first.
    pub(super) fn age(&self) -> (SystemTime, u64) {
        (self.created, self.order)
    }
}

/// Returns a new token in the form of Atlas: 14 characters, `.atlasv1.`, 67 characters; `None` when
/// the system has no randomness.
pub(crate) fn random_token() -> Option<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // The first character is a letter, since programs take a leading dash for a flag.
    const LETTERS: usize = 32;
    let mut bytes = [0; 14 + 67];
    getrandom::fill(&mut bytes).ok()?;
    let text: String = bytes
        .iter()
        .enumerate()
        .map(|(place, byte)| usize::from(*byte) % if place == 0 { LETTERS } else { 64 })
        .map(|index| char::from(ALPHABET[index]))
        .collect();
    let (id, secret) = text.split_at(14);
    Some(format!("{id}.atlasv1.{secret}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_tokens_have_the_form_of_atlas_and_differ() {
        let (a, b) = (random_token().unwrap(), random_token().unwrap());
        assert_ne!(a, b);
        let (id, secret) = a.split_once(".atlasv1.").unwrap();
        assert_eq!((id.len(), secret.len()), (14, 67));
        let begins_well = |_| random_token().unwrap().starts_with(char::is_alphabetic);
        assert!((0..1000).all(begins_well));
    }

    #[test]
    fn a_hash_is_equal_to_that_of_the_same_secret_only_and_shows_nothing() {
        assert_eq!(Hashed::of("canary"), Hashed::of("canary"));
        assert_ne!(Hashed::of("canary"), Hashed::of("Canary"));
        assert_eq!(format!("{:?}", Hashed::of("canary")), "Hashed");
    }
}
