//! Formats a version as a variable of Terraform, for a `*.auto.tfvars.json`, with the attributes that the
//! data source `atlas_artifact` gave to Terraform 0.11 and earlier. Later releases have no such provider.
//!
//! Evidence: Terraform's `atlas` provider has these attributes, this spelling of the keys of `metadata_full`,
//! this `id` of a version without one, and these messages about no result and several.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::api::wire::{Metadata, Version};
use crate::base::error::{Cause, Error, Phase};
use crate::base::slug::ArtifactName;

/// The names that Terraform reserves for the settings of a module.
const RESERVED: [&str; 8] = [
    "count",
    "depends_on",
    "for_each",
    "lifecycle",
    "locals",
    "providers",
    "source",
    "version",
];

/// Returns a document of one variable, whose value is an object.
///
/// `{"NAME": {"name": "user/name", "type", "id", "version": 7, "slug", "file_url", "metadata_full": {…}}}`;
/// `file_url` is empty for a version without a file.
pub fn document(variable: &VariableName, version: &Version, file_url: &Url) -> Value {
    let metadata = metadata_full(&version.metadata);
    let metadata: Map<_, _> = metadata.map(|(key, value)| (key, json!(value))).collect();
    json!({
        variable.0.as_str(): {
            "name": version.tag,
            "type": version.artifact_type,
            "id": id(version),
            "version": version.version,
            "slug": version.slug,
            "file_url": shown_url(version, file_url),
            "metadata_full": metadata,
        }
    })
}

/// Returns the id of a version; of one without an id, its artifact and number.
pub(crate) fn id(version: &Version) -> String {
    let id = version.id.clone().filter(|id| !id.is_empty());
    id.unwrap_or_else(|| format!("{} {}", version.tag, version.version))
}

/// Returns the address of the file of a version; empty without a file.
pub(crate) fn shown_url<'a>(version: &Version, file_url: &'a Url) -> &'a str {
    if version.file { file_url.as_str() } else { "" }
}

/// Returns the only version of a search.
///
/// # Errors
/// [`Phase::Search`] if no version matches, or several do.
pub fn only<'a>(found: &'a [Version], name: &ArtifactName) -> Result<&'a Version, Error> {
    match found {
        [version] => Ok(version),
        [] => {
            let nothing = format!("No matching artifact for '{name}'");
            Err(Error::new(Phase::Search, Cause::Missing(nothing)))
        }
        several => {
            let count = several.len();
            let reason = format!("Got {count} results for '{name}', only one is allowed");
            let error = Error::new(Phase::Search, Cause::Usage(reason));
            Err(error.with_hint("choose with --version, --build or --metadata"))
        }
    }
}

/// Returns the metadata with every character of a key that is not a letter, a digit, `_` or `-` replaced by
/// `-`. If two keys become equal, the later one in the server's order counts.
pub(crate) fn metadata_full(metadata: &Metadata) -> impl Iterator<Item = (String, &str)> {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        }
    };
    let entries = metadata.0.iter();
    entries.map(move |(key, value)| (key.chars().map(plain).collect(), value.as_str()))
}

/// The name of a variable in Terraform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VariableName(String);

impl Default for VariableName {
    fn default() -> Self {
        Self("atlas_artifact".to_owned())
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for VariableName {
    type Err = VariableNameError;

    fn from_str(text: &str) -> Result<Self, VariableNameError> {
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let other = |c: char| first(c) || c.is_ascii_digit() || c == '-';
        if RESERVED.contains(&text) {
            Err(VariableNameError::Reserved(text.to_owned()))
        } else if text.starts_with(first) && text.chars().all(other) {
            Ok(Self(text.to_owned()))
        } else {
            Err(VariableNameError::Malformed(text.to_owned()))
        }
    }
}

/// The reason why Terraform would refuse the name of a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariableNameError {
    /// The text is not a name in Terraform's language.
    #[error(
        "{0:?} is not the name of a variable: use letters, digits, _ and -, and start with neither a digit nor -"
    )]
    Malformed(String),
    /// The name is reserved by Terraform.
    #[error("Terraform reserves the name {0:?}")]
    Reserved(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(id: Option<&str>, metadata: &[(&str, &str)]) -> Version {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Version {
            username: "u".to_owned(),
            name: "n".to_owned(),
            tag: "u/n".to_owned(),
            slug: "u/n/t/7".to_owned(),
            artifact_type: "t".to_owned(),
            id: id.map(str::to_owned),
            version: 7,
            metadata: Metadata(metadata.iter().map(owned).collect()),
            file: false,
        }
    }

    fn value(version: &Version) -> Value {
        let url = "http://atlas.test/file".parse().unwrap();
        document(&VariableName::default(), version, &url)["atlas_artifact"].clone()
    }

    #[test]
    fn keys_are_spelled_as_the_provider_spelled_them() {
        let version = version(Some("i"), &[("a b", "1"), ("a.b", "2"), ("é_-9", "3")]);
        let expected = json!({"a-b": "2", "-_-9": "3"});
        assert_eq!(value(&version)["metadata_full"], expected);
    }

    #[test]
    fn a_version_without_an_id_is_called_by_its_artifact_and_number() {
        assert_eq!(value(&version(None, &[]))["id"], "u/n 7");
        assert_eq!(value(&version(Some(""), &[]))["id"], "u/n 7");
        assert_eq!(value(&version(Some("ami-1"), &[]))["id"], "ami-1");
    }

    #[test]
    fn only_a_version_with_a_file_has_the_address_of_one() {
        let without = version(None, &[]);
        assert_eq!(value(&without)["file_url"], "");
        let with = Version {
            file: true,
            ..without
        };
        assert_eq!(value(&with)["file_url"], "http://atlas.test/file");
    }

    #[test]
    fn none_and_several_are_refused_in_the_providers_words() {
        let name = "u/n".parse().unwrap();
        let words = |found: &[Version]| only(found, &name).unwrap_err().to_string();
        assert!(words(&[]).ends_with("No matching artifact for 'u/n'"));
        let two = [version(None, &[]), version(None, &[])];
        assert!(words(&two).contains("Got 2 results for 'u/n', only one is allowed"));
        assert!(only(&two[..1], &name).is_ok());
    }

    #[test]
    fn a_name_that_terraform_would_refuse_is_refused_here() {
        for good in ["atlas_artifact", "_web", "web-1"] {
            assert_eq!(good.parse::<VariableName>().unwrap().to_string(), good);
        }
        for bad in ["", "1web", "-web", "web.image", "wéb", "version"] {
            assert!(bad.parse::<VariableName>().is_err(), "{bad}");
        }
    }
}
