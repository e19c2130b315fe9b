//! The run prefix distinguishes the names of one run from all other names on a server.

use serde::{Deserialize, Serialize};

/// A `RunPrefix` is the beginning of every name that a run makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunPrefix(String);

impl RunPrefix {
    /// Returns a random prefix: `contract-` and eight hexadecimal digits.
    pub fn fresh() -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        Self(format!("contract-{}-", &id[..8]))
    }

    /// Returns the prefix as text, including its final dash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RunPrefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text
            .strip_prefix("contract-")
            .and_then(|rest| rest.strip_suffix('-'));
        let plain = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        match digits {
            Some(digits) if digits.len() == 8 && digits.chars().all(plain) => Ok(Self(text)),
            _ => Err(format!("{text:?} is no prefix of a run")),
        }
    }
}

impl From<RunPrefix> for String {
    fn from(prefix: RunPrefix) -> Self {
        prefix.0
    }
}
