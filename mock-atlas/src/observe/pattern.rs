//! Patterns of paths: `/api/v1/artifacts/acme/{name}`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A path in which `{…}` matches any one segment. The template of a route and a path without braces
/// are patterns, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Pattern(String);

impl Pattern {
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.distance(path) == 0
    }

    /// Returns the number of segments in which a path differs from this pattern.
    pub(super) fn distance(&self, path: &str) -> usize {
        let (own, other): (Vec<&str>, Vec<&str>) =
            (self.0.split('/').collect(), path.split('/').collect());
        let differ = |(own, other): (&&str, &&str)| !is_any(own) && own != other;
        let different = own.iter().zip(&other).filter(|pair| differ(*pair)).count();
        different + own.len().abs_diff(other.len())
    }
}

fn is_any(segment: &str) -> bool {
    segment.starts_with('{') && segment.ends_with('}')
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.starts_with('/') && !text.contains(['?', '#', ' ']) {
            Ok(Self(text))
        } else {
            Err(format!(
                "{text:?} is not a path: a path must be like /api/v1/artifacts/acme/{{name}}"
            ))
        }
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_stand_for_any_one_segment() {
        let pattern: Pattern = "/a/{x}/c".parse().unwrap();
        for (path, distance) in [
            ("/a/b/c", 0),
            ("/a/{hidden}/c", 0),
            ("/a/b", 1),
            ("/a/b/d", 1),
            ("/z/b/d", 2),
            ("/a/b/c/d", 1),
        ] {
            assert_eq!(pattern.distance(path), distance, "{path}");
            assert_eq!(pattern.matches(path), distance == 0, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_no_pattern() {
        for text in ["", "a/b", "/a?b=c", "/a b", "http://a/b"] {
            let error = text.parse::<Pattern>().unwrap_err();
            assert!(error.contains("is not a path"), "{error}");
        }
    }
}
