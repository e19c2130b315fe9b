//! Names of users, artifacts and artifact types, which are the variable segments of a URL.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::text::truncated;
use super::{BOX_TYPE, BoxNumber};

/// The longest name Atlas takes, in characters (contract: Artifacts, names).
// Contract: artifacts.names-refused
pub(crate) const MAX_NAME_LENGTH: usize = 50;

/// The names that no user and no organisation can have, since paths of the emulator begin with them:
/// a box is at `/{username}/{name}`, too.
// Contract: silent.box-reserved-names
pub(crate) const RESERVED: [&str; 6] = [
    "_binstore",
    "_mock",
    "api",
    "oauth2",
    "operation",
    "vagrant",
];

/// A username, an artifact's name or an artifact type: 1 to 50 letters, digits, dashes, underscores
/// and periods (contract: Artifacts, names).
///
/// `.` and `..` are refused as well: every HTTP client removes them from a path, so nothing with
/// such a name could be reached.
// Contract: artifacts.names
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(extend("pattern" = "^[A-Za-z0-9._-]{1,50}$"))
)]
#[serde(try_from = "String")]
pub(crate) struct Name(
    // Clones share the text: a million uploads keep three names each.
    Arc<str>,
);

impl Name {
    /// Creates a name from a constant, which must be a valid name.
    pub(crate) fn constant(text: &'static str) -> Self {
        Self(text.into())
    }

    /// Returns the name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        // The number of bytes is an upper bound of the number of characters, and cheaper to get.
        if text.len() > MAX_NAME_LENGTH && text.chars().count() > MAX_NAME_LENGTH {
            let beginning = text.chars().take(MAX_NAME_LENGTH).collect();
            return Err(NameError::TooLong(beginning));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !text.bytes().all(allowed) || text == "." || text == ".." {
            return Err(NameError::Forbidden(text.to_owned()));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|error| format!("the name {error}"))
    }
}

/// Allows maps to be searched with a text that may be an invalid name.
impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// An error that says why a text is not a valid name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("must not be empty")]
    Empty,
    /// The text has more than fifty characters; the error keeps the first fifty.
    #[error("{0:?}… is longer than {MAX_NAME_LENGTH} characters")]
    TooLong(String),
    /// The text contains a forbidden character, or is `.` or `..`.
    // Contract: silent.names-in-paths
    #[error(
        "{0:?} may hold letters, digits, dashes, underscores and periods only, and not be \".\" or \"..\""
    )]
    Forbidden(String),
}

/// An artifact's full name, `username/name`, which Atlas calls the tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(extend("pattern" = "^[A-Za-z0-9._-]{1,50}/[A-Za-z0-9._-]{1,50}$"))
)]
#[serde(try_from = "String")]
pub(crate) struct ArtifactName {
    /// The user or organisation that the artifact belongs to.
    pub(crate) username: Name,
    /// The artifact's name within that namespace.
    pub(crate) name: Name,
}

impl ArtifactName {
    /// Returns the slug of a version, `username/name/type/version`.
    pub(crate) fn slug(&self, artifact_type: &Name, version: u64) -> String {
        let Self { username, name } = self;
        let version = version.to_string();
        let parts = [
            username.as_str(),
            name.as_str(),
            artifact_type.as_str(),
            &version,
        ];
        parts.join("/")
    }

    /// Returns the slug of a provider of the box, `username/name/vagrant.box/version/provider/architecture`.
    pub(crate) fn provider_slug(
        &self,
        version: &BoxNumber,
        provider: &Name,
        architecture: &Name,
    ) -> String {
        format!("{self}/{BOX_TYPE}/{version}/{provider}/{architecture}")
    }
}

impl FromStr for ArtifactName {
    type Err = ArtifactNameError;

    fn from_str(text: &str) -> Result<Self, ArtifactNameError> {
        let (username, name) = text.split_once('/').ok_or_else(|| {
            ArtifactNameError::NoSlash(truncated(text, 2 * MAX_NAME_LENGTH).into_owned())
        })?;
        Ok(Self {
            username: username.parse().map_err(ArtifactNameError::Username)?,
            name: name.parse().map_err(ArtifactNameError::Name)?,
        })
    }
}

impl TryFrom<String> for ArtifactName {
    type Error = ArtifactNameError;

    fn try_from(text: String) -> Result<Self, ArtifactNameError> {
        text.parse()
    }
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.username, self.name)
    }
}

impl Serialize for ArtifactName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An error that says why a text is not of the form `username/name`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactNameError {
    /// There is no slash between username and name.
    #[error("{0:?} is not of the form username/name")]
    NoSlash(String),
    /// The part before the slash is not a valid name.
    #[error("the username {0}")]
    Username(NameError),
    /// The part after the slash is not a valid name.
    #[error("the name {0}")]
    Name(NameError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_allowed_name_survives_the_round_trip(text in "[A-Za-z0-9_-][A-Za-z0-9._-]{0,49}") {
            prop_assert_eq!(text.parse::<Name>().unwrap().to_string(), text);
        }

        #[test]
        fn any_text_is_a_name_or_a_clear_error(text in any::<String>()) {
            match text.parse::<Name>() {
                Ok(name) => prop_assert_eq!(name.as_str(), text),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }

        #[test]
        fn a_tag_survives_the_round_trip(text in "[a-z][A-Za-z0-9._-]{0,49}/[a-z][A-Za-z0-9._-]{0,49}") {
            prop_assert_eq!(text.parse::<ArtifactName>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_limit_is_fifty_characters() {
        assert!("a".repeat(50).parse::<Name>().is_ok());
        for (text, beginning) in [
            ("a".repeat(51), "a".repeat(50)),
            ("ä".repeat(500), "ä".repeat(50)),
        ] {
            let error = text.parse::<Name>().unwrap_err().to_string();
            let expected = format!("\"{beginning}\"… is longer than 50 characters");
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn names_that_a_url_cannot_carry_are_refused() {
        for text in [".", "..", "a b", "a/b", "ä", "a%2fb", "a\n"] {
            assert!(
                matches!(text.parse::<Name>(), Err(NameError::Forbidden(_))),
                "{text:?} was taken"
            );
        }
    }

    #[test]
    fn a_tag_needs_exactly_one_slash() {
        assert!(matches!(
            "acme".parse::<ArtifactName>(),
            Err(ArtifactNameError::NoSlash(_))
        ));
        assert!(matches!(
            "acme/web/x".parse::<ArtifactName>(),
            Err(ArtifactNameError::Name(_))
        ));
        assert!(matches!(
            "/web".parse::<ArtifactName>(),
            Err(ArtifactNameError::Username(_))
        ));
    }
}
