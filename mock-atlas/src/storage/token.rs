//! Tokens and hashed secrets.

use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::domain::Account;

/// A token or a password, hashed, so that no dump and no log shows it.
///
/// Equality takes the same time wherever two of them differ, and so does a map that is keyed by
/// them: it compares only what its own secret hash has sent to the same place.
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

/// What is known of a token besides its value, which is known to nobody here.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// Names the token and authorises nothing.
    pub(crate) id: Uuid,
    /// Who is known by it.
    pub(crate) account: Arc<Account>,
    /// What its owner called it; may be empty.
    pub(crate) description: String,
    /// When it was made.
    pub(crate) created: SystemTime,
    /// Counts up as tokens are made or brought back: a moment may have several.
    pub(super) order: u64,
}

impl Token {
    /// What the oldest has the least of.
    pub(super) fn age(&self) -> (SystemTime, u64) {
        (self.created, self.order)
    }
}

/// A new token of the form that Atlas gave out: 14 characters, `.atlasv1.`, 67 characters.
/// `None` when the system has no randomness to give.
pub(crate) fn random_token() -> Option<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // The first is a letter: a program takes what begins with a dash for a flag.
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
