//! The rules of a retention: which versions of what they keep.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::cli::time::parse_duration;

/// The rules of a file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[serde(default, rename = "artifact")]
    artifacts: Vec<ArtifactRule>,
    #[serde(default, rename = "box")]
    boxes: Vec<BoxRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArtifactRule {
    name: Pattern,
    #[serde(rename = "type")]
    artifact_type: Option<Pattern>,
    keep_last: Option<NonZeroUsize>,
    keep_younger_than: Option<Age>,
    #[serde(default)]
    keep_metadata: BTreeMap<String, String>,
    #[serde(default)]
    keep_latest_of_build: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BoxRule {
    name: Pattern,
    keep_last: Option<NonZeroUsize>,
    keep_younger_than: Option<Age>,
}

/// The conditions of a rule. A version that fulfils one of them stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keep {
    /// The number of the last versions that stay.
    pub(super) last: Option<NonZeroUsize>,
    /// The age below which versions stay.
    pub(super) younger_than: Option<Duration>,
    /// The metadata with which versions stay: all of these pairs. Without pairs it keeps none.
    pub(super) metadata: BTreeMap<String, String>,
    /// Whether the last version of each build stays.
    pub(super) latest_of_build: bool,
}

impl Rules {
    /// Reads the rules of a TOML document.
    ///
    /// # Errors
    /// For a mistake, which the error names with its line, and for a rule without conditions, which would keep
    /// nothing.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let rules: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let artifacts = rules.artifacts.iter().map(ArtifactRule::keep);
        let boxes = rules.boxes.iter().map(BoxRule::keep);
        for (kind, at) in [
            ("artifact", artifacts.clone().position(is_empty)),
            ("box", boxes.clone().position(is_empty)),
        ] {
            if let Some(at) = at {
                return Err(format!(
                    "the rule number {} of [[{kind}]] keeps nothing: give it keep_last or another condition",
                    at + 1
                ));
            }
        }
        match artifacts.len() + boxes.len() {
            0 => Err("there is no rule: write [[artifact]] or [[box]]".to_owned()),
            _ => Ok(rules),
        }
    }

    /// Returns the conditions of all rules that are about the versions of an artifact type.
    pub(super) fn of_type(&self, artifact: &str, artifact_type: &str) -> Vec<Keep> {
        let of_type = |rule: &&ArtifactRule| {
            let pattern = rule.artifact_type.as_ref();
            rule.name.matches(artifact) && pattern.is_none_or(|of| of.matches(artifact_type))
        };
        let rules = self.artifacts.iter().filter(of_type);
        rules.map(ArtifactRule::keep).collect()
    }

    /// Returns the conditions of all rules that are about the versions of a box.
    pub(super) fn of_box(&self, name: &str) -> Vec<Keep> {
        let rules = self.boxes.iter().filter(|rule| rule.name.matches(name));
        rules.map(BoxRule::keep).collect()
    }
}

fn is_empty(keep: Keep) -> bool {
    keep == Keep::default()
}

impl ArtifactRule {
    fn keep(&self) -> Keep {
        Keep {
            last: self.keep_last,
            younger_than: self.keep_younger_than.map(|age| age.0),
            metadata: self.keep_metadata.clone(),
            latest_of_build: self.keep_latest_of_build,
        }
    }
}

impl BoxRule {
    fn keep(&self) -> Keep {
        Keep {
            last: self.keep_last,
            younger_than: self.keep_younger_than.map(|age| age.0),
            ..Keep::default()
        }
    }
}

/// A pattern of names, in which `*` stands for any characters but a slash.
#[derive(Debug)]
struct Pattern(GlobMatcher);

impl Pattern {
    fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let glob = GlobBuilder::new(&text).literal_separator(true).build();
        let glob = glob.map_err(D::Error::custom)?;
        Ok(Self(glob.compile_matcher()))
    }
}

/// An age, such as `90d`.
#[derive(Clone, Copy, Debug)]
struct Age(Duration);

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let age = parse_duration(&text).map(Self);
        age.ok_or_else(|| {
            D::Error::custom(format!("{text:?} is no duration such as 90d, 12h or 2w"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_about_the_names_that_its_patterns_match() {
        let rules = Rules::parse(
            r#"
            [[artifact]]
            name = "acme/*"
            keep_last = 3
            [[artifact]]
            name = "acme/web"
            type = "amazon.*"
            keep_younger_than = "2w"
            keep_metadata = { release = "true" }
            keep_latest_of_build = true
            [[box]]
            name = "*/*"
            keep_last = 1
            "#,
        );
        let rules = rules.unwrap();
        let three = Keep {
            last: NonZeroUsize::new(3),
            ..Keep::default()
        };
        let of_db = rules.of_type("acme/db", "custom.image");
        assert_eq!(of_db, std::slice::from_ref(&three));
        assert!(rules.of_type("other/web", "custom.image").is_empty());
        let both = rules.of_type("acme/web", "amazon.image");
        assert_eq!(both[0], three);
        assert_eq!(both[1].younger_than, Some(Duration::from_secs(1_209_600)));
        assert_eq!(both[1].metadata["release"], "true");
        assert!(both[1].latest_of_build && both[1].last.is_none());
        assert_eq!(rules.of_box("acme/web").len(), 1);
    }

    #[test]
    fn a_mistake_in_the_rules_is_named() {
        for (text, named) in [
            ("", "there is no rule"),
            (
                "[[artifact]]\nname = \"a/*\"",
                "rule number 1 of [[artifact]] keeps nothing",
            ),
            (
                "[[box]]\nname = \"a/*\"",
                "rule number 1 of [[box]] keeps nothing",
            ),
            ("[[artifact]]\nkeep_last = 1", "missing field `name`"),
            (
                "[[artifact]]\nname = \"a/*\"\nkeep_last = 0",
                "keep_last = 0",
            ),
            (
                "[[artifact]]\nname = \"a/*\"\nkeep = 1",
                "unknown field `keep`",
            ),
            (
                "[[artifact]]\nname = \"a/*\"\nkeep_younger_than = \"soon\"",
                "\"soon\" is no duration",
            ),
            ("[[box]]\nname = \"[\"\nkeep_last = 1", "name = \"[\""),
            (
                "[[box]]\nname = \"a/*\"\nkeep_metadata = {}",
                "unknown field `keep_metadata`",
            ),
        ] {
            let error = Rules::parse(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
