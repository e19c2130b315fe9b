//! Parses the names of an artifact: `user/name`, and the type of its versions.
//!
//! Evidence: the checks and messages of Packer (`malformed slug "x"`, `missing slug`). The server decides
//! which characters it allows. A name is refused here only if it cannot be one segment of a path, or one file
//! name.

use std::fmt;
use std::str::FromStr;

/// A name such as `hashicorp/foobar`: two segments of a path, neither of them empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArtifactName {
    user: String,
    name: String,
}

impl ArtifactName {
    /// Returns the user or organisation that owns the artifact.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns the artifact's name within its user.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for ArtifactName {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        if text.is_empty() {
            return Err(SlugError::Missing);
        }
        match text.split_once('/') {
            Some((user, name)) if is_segment(user) && is_segment(name) => Ok(Self {
                user: user.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(SlugError::Malformed(text.to_owned())),
        }
    }
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user, self.name)
    }
}

/// The type of a version, such as `amazon.image`: any identifier that is one segment of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArtifactType(String);

impl ArtifactType {
    /// Returns the type as in a URL's path, before any escaping.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a file of this type is a Vagrant box.
    pub fn is_vagrant_box(&self) -> bool {
        self.0 == "vagrant.box"
    }
}

impl FromStr for ArtifactType {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        if text.is_empty() {
            Err(SlugError::MissingType)
        } else if is_segment(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SlugError::MalformedType(text.to_owned()))
        }
    }
}

impl fmt::Display for ArtifactType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns `user/name/type/version`, the format of the slug in every recorded reply.
pub fn version_slug(name: &ArtifactName, artifact_type: &ArtifactType, version: u64) -> String {
    format!("{name}/{artifact_type}/{version}")
}

/// Writes and reads names as JSON strings: `#[serde(with = "text")]`.
pub(crate) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(
        name: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(name)
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// The reason why a name was refused, in the wording of Packer's post-processor where it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    /// The name is empty.
    #[error("missing slug")]
    Missing,
    /// The name does not consist of two names with one slash between them.
    #[error("malformed slug {0:?}")]
    Malformed(String),
    /// The type is empty.
    #[error("artifact_type must be set")]
    MissingType,
    /// The type is not one segment of a path.
    #[error("malformed artifact type {0:?}")]
    MalformedType(String),
}

/// Returns whether a text can be one segment of a path. `.` and `..` cannot: they would climb in the URL's
/// path, and in a folder.
fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && !text
            .chars()
            .any(|c| matches!(c, '/' | '\\') || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_missing_slug_is_refused_in_packers_words() {
        assert_eq!(
            "".parse::<ArtifactName>().unwrap_err().to_string(),
            "missing slug"
        );
    }

    #[test]
    fn a_malformed_slug_is_refused_in_packers_words() {
        for bad in [
            "x", "/", "a/", "/b", "a/b/c", "../b", "a/.", "a/b\n", "a\\b/c",
        ] {
            let refused = bad.parse::<ArtifactName>().unwrap_err();
            assert_eq!(refused.to_string(), format!("malformed slug {bad:?}"));
        }
    }

    #[test]
    fn a_type_is_one_segment() {
        assert_eq!(
            "aws.ami".parse::<ArtifactType>().unwrap().as_str(),
            "aws.ami"
        );
        assert!("a/b".parse::<ArtifactType>().is_err());
        assert!("..".parse::<ArtifactType>().is_err());
        assert_eq!(
            "".parse::<ArtifactType>().unwrap_err().to_string(),
            "artifact_type must be set"
        );
    }

    proptest! {
        #[test]
        fn a_good_name_makes_the_round_trip(user in "[A-Za-z0-9_-][A-Za-z0-9._-]{0,49}", name in "[A-Za-z0-9_-][A-Za-z0-9._-]{0,49}") {
            let text = format!("{user}/{name}");
            let parsed: ArtifactName = text.parse().unwrap();
            prop_assert_eq!(parsed.user(), user);
            prop_assert_eq!(parsed.name(), name);
            prop_assert_eq!(parsed.to_string(), text);
        }

        #[test]
        fn what_is_accepted_prints_as_it_was_and_what_is_refused_names_itself(text in any::<String>()) {
            match text.parse::<ArtifactName>() {
                Ok(parsed) => prop_assert_eq!(parsed.to_string(), text),
                Err(refused) if text.is_empty() => prop_assert_eq!(refused, SlugError::Missing),
                Err(refused) => {
                    let itself = format!("{text:?}");
                    prop_assert!(refused.to_string().contains(&itself));
                }
            }
        }

        #[test]
        fn no_type_makes_more_than_one_segment(text in any::<String>()) {
            if let Ok(parsed) = text.parse::<ArtifactType>() {
                prop_assert!(!parsed.as_str().contains('/'));
                prop_assert!(!matches!(parsed.as_str(), "" | "." | ".."));
            }
        }
    }
}
