//! Parses what a mirror is to copy: artifacts, and builds.

use std::fmt;
use std::str::FromStr;

use crate::base::slug::{ArtifactName, ArtifactType};

/// The largest number of builds in one range, each of which costs at least one request for each type.
const MOST_BUILDS: u64 = 100_000;

/// A request for an artifact, or for one of its types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactQuery {
    /// The artifact.
    pub name: ArtifactName,
    /// The type; `None` for all recommended ones.
    pub artifact_type: Option<ArtifactType>,
}

/// A range of builds, its ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildRange {
    first: u64,
    last: u64,
}

/// The error for a text that is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRequest(String);

impl FromStr for ArtifactQuery {
    type Err = InvalidRequest;

    /// Parses `USER/NAME` or `USER/NAME:TYPE`.
    fn from_str(text: &str) -> Result<Self, InvalidRequest> {
        let (name, artifact_type) = match text.split_once(':') {
            Some((name, artifact_type)) => (name, Some(artifact_type)),
            None => (text, None),
        };
        let invalid = |error: &dyn fmt::Display| {
            InvalidRequest(format!("{error}: it must be USER/NAME or USER/NAME:TYPE"))
        };
        Ok(Self {
            name: name.parse().map_err(|error| invalid(&error))?,
            artifact_type: artifact_type
                .map(str::parse)
                .transpose()
                .map_err(|error| invalid(&error))?,
        })
    }
}

impl FromStr for BuildRange {
    type Err = InvalidRequest;

    /// Parses `7` or `1-500`.
    fn from_str(text: &str) -> Result<Self, InvalidRequest> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
        let (Some(first), Some(last)) = (number(first), number(last)) else {
            let reason = "it must be a build's number, or FIRST-LAST; 0 is no build";
            return Err(InvalidRequest(reason.to_owned()));
        };
        if last < first || last - first >= MOST_BUILDS {
            let reason =
                format!("it must go upwards, and name at most {MOST_BUILDS} builds: give several");
            return Err(InvalidRequest(reason));
        }
        Ok(Self { first, last })
    }
}

impl BuildRange {
    /// Returns the builds.
    pub fn builds(self) -> impl Iterator<Item = u64> {
        self.first..=self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_behind_a_colon_and_may_be_left_out() {
        let query = |text: &str| text.parse::<ArtifactQuery>();
        let all = query("acme/web").unwrap();
        assert_eq!(
            (all.name.to_string(), all.artifact_type),
            ("acme/web".to_owned(), None)
        );
        let one = query("acme/web:custom.image").unwrap();
        assert_eq!(one.artifact_type, "custom.image".parse().ok());
        for wrong in ["", "acme", "acme/web:", "acme/web:a/b", ":custom.image"] {
            assert!(query(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn builds_are_counted_from_1_upwards_and_there_is_an_end() {
        let builds = |text: &str| text.parse().map(|range: BuildRange| range.builds().count());
        assert_eq!(builds("7"), Ok(1));
        assert_eq!(builds("1-100000"), Ok(100_000));
        for wrong in ["", "0", "0-3", "5-4", "a", "1-", "1-100001", "-1"] {
            assert!(builds(wrong).is_err(), "{wrong}");
        }
    }
}
