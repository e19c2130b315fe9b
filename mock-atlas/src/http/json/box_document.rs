//! The documents that `vagrant box add` reads: what can be downloaded of a box.

use serde::Serialize;

use super::boxes::{ArchitectureFields, download_url};
use crate::domain::{ArtifactName, BoxNumber, BoxProvider, BoxVersion, Name};
use crate::http::extract::Site;
use crate::storage::FoundBox;

/// The versions of Vagrant for which a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Vagrant from 2.4 on, which chooses among architectures.
    Current,
    /// Vagrant before 2.4, which takes the last entry of a provider name, whatever its architecture is.
    Old,
}

/// A document: the active versions, the oldest first.
// Contract: boxes-add.document, boxes-add.active-only, boxes-add.oldest-first
#[derive(Debug, Serialize)]
pub(crate) struct BoxDocument<'a> {
    name: &'a ArtifactName,
    description: &'a str,
    short_description: &'a str,
    versions: Vec<VersionEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct VersionEntry<'a> {
    version: &'a BoxNumber,
    status: &'static str,
    providers: Vec<ProviderEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct ProviderEntry<'a> {
    name: &'a Name,
    url: String,
    checksum: Option<&'a str>,
    checksum_type: Option<&'static str>,
    #[serde(flatten)]
    architecture: Option<ArchitectureFields<'a>>,
}

impl<'a> BoxDocument<'a> {
    /// Creates the document of a box.
    pub(crate) fn new(found: &'a FoundBox, reader: Reader, site: &Site) -> Self {
        let of = &found.vagrant_box;
        let active = of
            .versions()
            .rev()
            .filter(|(_, version)| version.is_active());
        let entries = active.map(|(number, version)| VersionEntry {
            version: number,
            status: version.status.name(),
            providers: entries(&found.name, number, version, reader, site),
        });
        Self {
            name: &found.name,
            description: &of.description,
            short_description: &of.short_description,
            versions: entries
                .filter(|entry| !entry.providers.is_empty())
                .collect(),
        }
    }
}

/// Returns the entries of the providers whose file can be downloaded.
// Contract: boxes-add.complete-only, boxes-add.root-defaults
fn entries<'a>(
    name: &ArtifactName,
    number: &BoxNumber,
    version: &'a BoxVersion,
    reader: Reader,
    site: &Site,
) -> Vec<ProviderEntry<'a>> {
    let is_listed = |provider: &&BoxProvider| {
        provider.is_downloadable() && (reader == Reader::Current || provider.is_default)
    };
    let listed = version.providers().iter().filter(is_listed);
    let entry = |provider: &'a BoxProvider| {
        let (checksum_type, checksum) = provider.shown_checksum().unzip();
        ProviderEntry {
            name: &provider.name,
            url: download_url(site, name, number, provider),
            checksum,
            checksum_type,
            architecture: match reader {
                Reader::Current => Some(ArchitectureFields::of(provider)),
                Reader::Old => None,
            },
        }
    };
    listed.map(entry).collect()
}
