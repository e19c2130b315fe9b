//! The secrets of webhooks, with which deliveries are signed.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// The characters with which a secret begins, as that of any Standard Webhook.
const PREFIX: &str = "whsec_";

/// The smallest and the largest number of bytes of the key.
const LEAST: usize = 24;
const MOST: usize = 64;

/// A secret: `whsec_` and the key in Base64. It is kept as it is, since every signature needs the key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct WebhookSecret(String);

impl WebhookSecret {
    /// Makes a random secret; `None` if the system has no randomness.
    pub(crate) fn random() -> Option<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).ok()?;
        Some(Self(format!("{PREFIX}{}", STANDARD.encode(key))))
    }

    /// Returns the secret as text, for its receiver and for storage.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns the key of signatures.
    pub(crate) fn key(&self) -> Vec<u8> {
        let text = self.0.strip_prefix(PREFIX).unwrap_or_default();
        // The text was decoded when it was parsed.
        STANDARD.decode(text).unwrap_or_default()
    }
}

impl FromStr for WebhookSecret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let key = text.strip_prefix(PREFIX).ok_or(SecretError)?;
        let key = STANDARD.decode(key).map_err(|_| SecretError)?;
        match (LEAST..=MOST).contains(&key.len()) {
            true => Ok(Self(text.to_owned())),
            false => Err(SecretError),
        }
    }
}

impl TryFrom<String> for WebhookSecret {
    type Error = SecretError;

    fn try_from(text: String) -> Result<Self, SecretError> {
        text.parse()
    }
}

impl From<WebhookSecret> for String {
    fn from(secret: WebhookSecret) -> Self {
        secret.0
    }
}

/// Hides the secret.
impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{hidden}")
    }
}

/// An error for a text that is no secret. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secret must be {PREFIX} and {LEAST} to {MOST} bytes in Base64, such as printf 'whsec_%s' \"$(openssl rand \
     -base64 32)\" prints: leave it out, and one is made"
)]
pub(crate) struct SecretError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_random_long_enough_and_never_shown_by_debug() {
        let (one, two) = (
            WebhookSecret::random().unwrap(),
            WebhookSecret::random().unwrap(),
        );
        assert_ne!(one, two);
        assert_eq!(one.key().len(), 32);
        assert_eq!(one.reveal().parse(), Ok(one.clone()));
        assert!(!format!("{one:?}").contains(&one.reveal()[6..]));
        let short = format!("{PREFIX}{}", STANDARD.encode([1; 23]));
        for text in ["", "whsec_", "whsec_!", "c2VjcmV0", &short] {
            assert_eq!(text.parse::<WebhookSecret>(), Err(SecretError), "{text}");
        }
    }
}
