//! The records of boxes, into which every source is read and which `mirror.json` stores.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::checksum::Checksum;

/// The architecture of a box that was uploaded without one, under HCP's name for it.
pub const UNKNOWN_ARCHITECTURE: &str = "unknown";

/// A box with all its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoxRecord {
    /// The user, organisation or registry that owns the box.
    pub owner: String,
    /// The name below the owner.
    pub name: String,
    /// Whether only members see the box.
    #[serde(default)]
    pub private: bool,
    /// The description in one line.
    #[serde(default)]
    pub short_description: String,
    /// The description in Markdown.
    #[serde(default)]
    pub description: String,
    /// The time of creation (RFC 3339), if the source tells it.
    #[serde(default)]
    pub created_at: Option<String>,
    /// The time of the last change.
    #[serde(default)]
    pub updated_at: Option<String>,
    /// The address of the source.
    pub source: String,
    /// The versions, newest first.
    pub versions: Vec<VersionRecord>,
}

impl BoxRecord {
    /// Returns `OWNER/NAME`.
    pub fn tag(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Keeps only the first file of each place. Returns the labels of the others.
    pub fn drop_repeated(&mut self) -> Vec<String> {
        let tag = self.tag();
        let mut places = BTreeSet::new();
        let mut dropped = Vec::new();
        for version in &mut self.versions {
            let number = version.version.clone();
            version.providers.retain(|file| {
                let name = label(&tag, &number, file);
                // Some file systems ignore case.
                let is_first = places.insert(name.to_lowercase());
                if !is_first {
                    dropped.push(name);
                }
                is_first
            });
        }
        dropped
    }
}

/// A version of a box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRecord {
    /// The version number.
    pub version: String,
    /// The state, which decides whether users get the version.
    pub state: VersionState,
    /// The description in Markdown.
    #[serde(default)]
    pub description: String,
    /// The time of creation (RFC 3339), if the source tells it.
    #[serde(default)]
    pub created_at: Option<String>,
    /// The time of the last change.
    #[serde(default)]
    pub updated_at: Option<String>,
    /// The files, one for each provider and architecture.
    pub providers: Vec<FileRecord>,
}

/// The state of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionState {
    /// The version is in preparation; only its owner sees it.
    Unreleased,
    /// The version is available to users.
    Active,
    /// The version was withdrawn.
    Revoked,
}

impl VersionState {
    /// Parses the names that HCP and Vagrant Cloud use, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "unreleased" => Self::Unreleased,
            "active" => Self::Active,
            "revoked" => Self::Revoked,
            _ => return None,
        })
    }
}

/// The file of a version for one provider and architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The provider, such as `virtualbox`.
    pub provider: String,
    /// The architecture, such as `amd64`; [`UNKNOWN_ARCHITECTURE`] when the source names none.
    pub architecture: String,
    /// Whether this file is for hosts of an unknown architecture.
    pub default_architecture: bool,
    /// Whether the source itself stores the file.
    pub hosted: bool,
    /// The address that the source lists; null when only its API tells it for each download.
    #[serde(default)]
    pub url: Option<String>,
    /// The path in the tree, with `/` between folders; null for a file that is not present.
    #[serde(default)]
    pub file: Option<String>,
    /// Whether only `url` is kept, so that catalogs point there.
    #[serde(default)]
    pub link: bool,
    /// The size in bytes, if known.
    #[serde(default)]
    pub size: Option<u64>,
    /// The checksum, told by the source or computed from the file.
    #[serde(flatten)]
    pub checksum: Option<Checksum>,
    /// Whether the checksum was computed from the file, because the source has none.
    #[serde(default)]
    pub checksum_computed: bool,
    /// The time of creation (RFC 3339), if the source tells it.
    #[serde(default)]
    pub created_at: Option<String>,
    /// The time of the last change.
    #[serde(default)]
    pub updated_at: Option<String>,
}

impl FileRecord {
    /// Returns whether two records have the same provider and architecture.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.provider == other.provider && self.architecture == other.architecture
    }
}

/// Returns the label of a file in messages: `OWNER/NAME VERSION PROVIDER/ARCHITECTURE`.
pub fn label(tag: &str, version: &str, file: &FileRecord) -> String {
    format!("{tag} {version} {}/{}", file.provider, file.architecture)
}

/// Leaves exactly one default architecture for each provider: the first that is marked as default, or else the
/// first.
pub fn settle_defaults(files: &mut [FileRecord]) {
    let mut names: Vec<String> = files.iter().map(|file| file.provider.clone()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let mut of_name: Vec<&mut FileRecord> = files
            .iter_mut()
            .filter(|file| file.provider == name)
            .collect();
        let default = of_name
            .iter()
            .position(|file| file.default_architecture)
            .unwrap_or(0);
        for (index, file) in of_name.iter_mut().enumerate() {
            file.default_architecture = index == default;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a hosted file with a checksum.
    pub(in crate::boxes) fn file(provider: &str, architecture: &str) -> FileRecord {
        FileRecord {
            provider: provider.to_owned(),
            architecture: architecture.to_owned(),
            default_architecture: false,
            hosted: true,
            url: None,
            file: None,
            link: false,
            size: Some(4),
            checksum: Checksum::from_reply(Some("SHA256"), Some("ab")),
            checksum_computed: false,
            created_at: None,
            updated_at: None,
        }
    }

    pub(in crate::boxes) fn version(number: &str, files: Vec<FileRecord>) -> VersionRecord {
        VersionRecord {
            version: number.to_owned(),
            state: VersionState::Active,
            description: String::new(),
            created_at: None,
            updated_at: None,
            providers: files,
        }
    }

    pub(in crate::boxes) fn record(versions: Vec<VersionRecord>) -> BoxRecord {
        BoxRecord {
            owner: "acme".to_owned(),
            name: "web".to_owned(),
            private: false,
            short_description: "short".to_owned(),
            description: "long".to_owned(),
            created_at: None,
            updated_at: None,
            source: "https://boxes.example.com/".to_owned(),
            versions,
        }
    }

    #[test]
    fn exactly_one_architecture_of_a_provider_is_the_default() {
        let default = |provider: &str, architecture: &str, default_architecture| FileRecord {
            default_architecture,
            ..file(provider, architecture)
        };
        let mut files = [
            default("virtualbox", "arm64", false),
            default("virtualbox", "amd64", true),
            default("virtualbox", "i386", true),
            default("libvirt", "arm64", false),
            default("libvirt", "amd64", false),
        ];
        settle_defaults(&mut files);
        let defaults = files.map(|file| file.default_architecture);
        assert_eq!(defaults, [false, true, false, true, false]);
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let without = FileRecord {
            checksum: None,
            size: None,
            ..file("libvirt", "unknown")
        };
        let record = record(vec![version(
            "1.0",
            vec![file("virtualbox", "amd64"), without],
        )]);
        let text = serde_json::to_string(&record).unwrap();
        assert!(
            text.contains(r#""checksum_type":"sha256","checksum":"ab""#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<BoxRecord>(&text).unwrap(), record);
    }
}
