//! The records of boxes that every source is read into, as `mirror.json` keeps them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::checksum::Checksum;

/// The architecture of a box that was uploaded without one, as HCP calls it.
pub const UNKNOWN_ARCHITECTURE: &str = "unknown";

/// A box with all its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoxRecord {
    /// The user, organisation or registry it belongs to.
    pub owner: String,
    /// Its name below the owner.
    pub name: String,
    /// Whether only members see it.
    #[serde(default)]
    pub private: bool,
    /// One line.
    #[serde(default)]
    pub short_description: String,
    /// Markdown.
    #[serde(default)]
    pub description: String,
    /// When it was made (RFC 3339), if the source says.
    #[serde(default)]
    pub created_at: Option<String>,
    /// When it was changed last.
    #[serde(default)]
    pub updated_at: Option<String>,
    /// The address it was copied from.
    pub source: String,
    /// Newest first.
    pub versions: Vec<VersionRecord>,
}

impl BoxRecord {
    /// `OWNER/NAME`.
    pub fn tag(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Leaves one file in each place, the first. Returns what the others are called.
    pub fn drop_repeated(&mut self) -> Vec<String> {
        let tag = self.tag();
        let mut places = BTreeSet::new();
        let mut dropped = Vec::new();
        for version in &mut self.versions {
            let number = version.version.clone();
            version.providers.retain(|file| {
                let name = label(&tag, &number, file);
                // Some disks do not tell capitals from small letters.
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
    /// Its number.
    pub version: String,
    /// Whether users get it.
    pub state: VersionState,
    /// Markdown.
    #[serde(default)]
    pub description: String,
    /// When it was made (RFC 3339), if the source says.
    #[serde(default)]
    pub created_at: Option<String>,
    /// When it was changed last.
    #[serde(default)]
    pub updated_at: Option<String>,
    /// One for each provider and architecture.
    pub providers: Vec<FileRecord>,
}

/// Whether users get a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionState {
    /// It is being made; only its owner sees it.
    Unreleased,
    /// Everybody gets it.
    Active,
    /// It was taken back.
    Revoked,
}

impl VersionState {
    /// Reads HCP's and Vagrant Cloud's words, in any case.
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
    /// The architecture, such as `amd64`; [`UNKNOWN_ARCHITECTURE`] where none was told.
    pub architecture: String,
    /// Whether it is the one for hosts of an unknown architecture.
    pub default_architecture: bool,
    /// Whether the source itself has the file.
    pub hosted: bool,
    /// The address that the source says; null where only its API tells.
    #[serde(default)]
    pub url: Option<String>,
    /// Its path in the tree, with `/` between folders; null for a file that is not there.
    #[serde(default)]
    pub file: Option<String>,
    /// Whether `url` is all that is wanted of the file, so that catalogs point there.
    #[serde(default)]
    pub link: bool,
    /// Its size in bytes, if it is known.
    #[serde(default)]
    pub size: Option<u64>,
    /// Its checksum: the source's, or the one that was made of the file.
    #[serde(flatten)]
    pub checksum: Option<Checksum>,
    /// Whether the checksum was made of the file, since the source has none.
    #[serde(default)]
    pub checksum_computed: bool,
    /// When it was made (RFC 3339), if the source says.
    #[serde(default)]
    pub created_at: Option<String>,
    /// When it was changed last.
    #[serde(default)]
    pub updated_at: Option<String>,
}

impl FileRecord {
    /// Whether two records are of the same provider and architecture.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.provider == other.provider && self.architecture == other.architecture
    }
}

/// Names a file in messages: `OWNER/NAME VERSION PROVIDER/ARCHITECTURE`.
pub fn label(tag: &str, version: &str, file: &FileRecord) -> String {
    format!("{tag} {version} {}/{}", file.provider, file.architecture)
}

/// Makes exactly one architecture of each provider's name the default one: the first that says so,
/// else the first.
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

    /// A file that is hosted, with a checksum.
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
            checksum: Checksum::told(Some("SHA256"), Some("ab")),
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
