//! The JSON of HCP's registry API. Counts and sizes are texts there, and the lists of children are empty unless a
//! client asks for them (`expanded=true`).
//!
//! - `replies`: the replies that contain the objects

mod replies;

use serde::Serialize;

use super::boxes::download_url;
use super::markdown;
use crate::domain::{
    BoxNumber, BoxProvider, BoxSource, BoxStatus, BoxVersion, Name, ProviderGroup, VagrantBox,
    Visibility, exact_timestamp,
};
use crate::http::extract::{Children, Site};
use crate::storage::{FoundBox, FoundRegistry};
pub(crate) use replies::{
    AccessTokenReply, ChangedReply, DirectUploadFields, HcpDownloadReply, HcpList, HcpListReply,
    HcpReply, HcpUploadReply, OAuthError,
};

/// The type of a checksum that is not there.
const NO_CHECKSUM: &str = "NONE";

/// A view of a box for one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HcpView<'a> {
    pub(crate) found: &'a FoundBox,
    pub(crate) site: &'a Site,
    pub(crate) children: Children,
}

/// A registry.
// Contract: boxes-hcp.registry
#[derive(Debug, Serialize)]
pub(crate) struct RegistryElement<'a> {
    name: &'a Name,
    description: &'a str,
    description_html: String,
    gravatar_url: &'static str,
    activated: bool,
    location: Location<'a>,
    boxes: Vec<BoxElement<'a>>,
    created_at: String,
    updated_at: String,
}

/// The place of a registry. Its organisation and its project both have the registry's name.
#[derive(Debug, Serialize)]
struct Location<'a> {
    organization_id: &'a Name,
    project_id: &'a Name,
}

impl<'a> Location<'a> {
    fn of(registry: &'a Name) -> Self {
        Self {
            organization_id: registry,
            project_id: registry,
        }
    }
}

impl<'a> RegistryElement<'a> {
    /// Creates the element of a registry with these boxes.
    pub(crate) fn new(found: &'a FoundRegistry, boxes: Vec<BoxElement<'a>>) -> Self {
        let registry = &found.registry;
        Self {
            name: &found.name,
            description: &registry.description,
            description_html: markdown::rendered(&registry.description),
            gravatar_url: "",
            activated: registry.is_active,
            location: Location::of(&found.name),
            boxes,
            created_at: exact_timestamp(registry.created),
            updated_at: exact_timestamp(registry.updated),
        }
    }
}

/// A box.
// Contract: boxes-hcp.box-fields
#[derive(Debug, Serialize)]
pub(crate) struct BoxElement<'a> {
    name: &'a Name,
    description: &'a str,
    description_html: String,
    short_description: &'a str,
    is_private: bool,
    downloads: String,
    state: &'static str,
    summary: BoxSummary<'a>,
    versions: Vec<VersionElement<'a>>,
    created_at: String,
    updated_at: String,
}

#[derive(Debug, Serialize)]
struct BoxSummary<'a> {
    versions_count: String,
    provider_names: Vec<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_released_at: Option<String>,
}

/// A version of a box.
// Contract: boxes-hcp.version
#[derive(Debug, Serialize)]
pub(crate) struct VersionElement<'a> {
    name: &'a BoxNumber,
    description: &'a str,
    description_html: String,
    state: &'static str,
    summary: VersionSummary<'a>,
    providers: Vec<ProviderElement<'a>>,
    created_at: String,
    updated_at: String,
}

#[derive(Debug, Serialize)]
struct VersionSummary<'a> {
    provider_names: Vec<&'a Name>,
    providers_count: String,
}

/// A provider of a version.
#[derive(Debug, Serialize)]
pub(crate) struct ProviderElement<'a> {
    name: &'a Name,
    summary: ProviderSummary<'a>,
    architectures: Vec<ArchitectureElement<'a>>,
    created_at: String,
    updated_at: String,
}

#[derive(Debug, Serialize)]
struct ProviderSummary<'a> {
    architecture_types: Vec<&'a Name>,
    architectures_count: String,
}

/// An architecture of a provider.
// Contract: boxes-hcp.architecture
#[derive(Debug, Serialize)]
pub(crate) struct ArchitectureElement<'a> {
    architecture_type: &'a Name,
    default: bool,
    box_data: BoxData<'a>,
    created_at: String,
    updated_at: String,
}

#[derive(Debug, Serialize)]
struct BoxData<'a> {
    download_url: String,
    #[serde(flatten)]
    checksum: ChecksumFields<'a>,
    size: String,
    created_at: String,
    updated_at: String,
}

/// The checksum of a file, as the type in capitals and the value.
// Contract: boxes-hcp.checksum-types
#[derive(Debug, Serialize)]
struct ChecksumFields<'a> {
    checksum: &'a str,
    checksum_type: String,
}

impl<'a> ChecksumFields<'a> {
    fn of(provider: &'a BoxProvider) -> Self {
        match provider.shown_checksum() {
            Some((kind, checksum)) => Self {
                checksum,
                checksum_type: kind.to_ascii_uppercase(),
            },
            None => Self {
                checksum: "",
                checksum_type: NO_CHECKSUM.to_owned(),
            },
        }
    }
}

/// A box that a search finds.
// Contract: boxes-hcp.search
#[derive(Debug, Serialize)]
pub(crate) struct IndexElement<'a> {
    registry_name: &'a Name,
    box_name: &'a Name,
    short_description: &'a str,
    description: &'a str,
    current_version_name: &'a str,
    version_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_updated_at: Option<String>,
    provider_names: Vec<&'a Name>,
    architecture_types: Vec<&'a Name>,
    downloads: String,
    is_private: bool,
    avatar: &'static str,
    vc_url: String,
    created_at: String,
    updated_at: String,
}

impl<'a> HcpView<'a> {
    /// Returns the box, the newest version first.
    pub(crate) fn element(self) -> BoxElement<'a> {
        let of = &self.found.vagrant_box;
        let versions = of.versions();
        BoxElement {
            name: &self.found.name.name,
            description: &of.description,
            description_html: markdown::rendered(&of.description),
            short_description: &of.short_description,
            is_private: self.found.visibility == Visibility::Private,
            downloads: of.downloads.to_string(),
            state: box_state(of),
            summary: BoxSummary {
                versions_count: versions.len().to_string(),
                provider_names: names(of.providers().map(|(_, provider)| &provider.name)),
                latest_released_at: latest_release(of),
            },
            versions: self
                .included(versions.map(|(number, version)| self.version(number, version))),
            created_at: exact_timestamp(of.created),
            updated_at: exact_timestamp(of.updated),
        }
    }

    /// Returns a version of the box.
    pub(crate) fn version(
        self,
        number: &'a BoxNumber,
        version: &'a BoxVersion,
    ) -> VersionElement<'a> {
        let groups = version.provider_groups();
        VersionElement {
            name: number,
            description: &version.description,
            description_html: markdown::rendered(&version.description),
            state: version_state(version.status),
            summary: VersionSummary {
                provider_names: groups.iter().map(|group| group.name).collect(),
                providers_count: groups.len().to_string(),
            },
            providers: self.included(groups.iter().map(|group| self.provider(number, *group))),
            created_at: exact_timestamp(version.created),
            updated_at: exact_timestamp(version.updated),
        }
    }

    /// Returns a provider of a version.
    pub(crate) fn provider(
        self,
        number: &BoxNumber,
        group: ProviderGroup<'a>,
    ) -> ProviderElement<'a> {
        let architectures = group.architectures.iter();
        let types = architectures.clone().map(|one| &one.architecture);
        ProviderElement {
            name: group.name,
            summary: ProviderSummary {
                architecture_types: types.collect(),
                architectures_count: architectures.len().to_string(),
            },
            architectures: self.included(architectures.map(|one| self.architecture(number, one))),
            created_at: exact_timestamp(group.created),
            updated_at: exact_timestamp(group.updated),
        }
    }

    /// Returns an architecture of a provider.
    pub(crate) fn architecture(
        self,
        number: &BoxNumber,
        provider: &'a BoxProvider,
    ) -> ArchitectureElement<'a> {
        let (created_at, updated_at) = (
            exact_timestamp(provider.created),
            exact_timestamp(provider.updated),
        );
        ArchitectureElement {
            architecture_type: &provider.architecture,
            default: provider.is_default,
            box_data: BoxData {
                download_url: self.url_of(number, provider).unwrap_or_default(),
                checksum: ChecksumFields::of(provider),
                size: provider.hosted().map_or(0, |file| file.len).to_string(),
                created_at: created_at.clone(),
                updated_at: updated_at.clone(),
            },
            created_at,
            updated_at,
        }
    }

    /// Returns the box as a search has it.
    pub(crate) fn index(self) -> IndexElement<'a> {
        let of = &self.found.vagrant_box;
        let current = of.current_version();
        let number = current.map_or("", |(number, _)| number.as_str());
        let version = current.map(|(_, version)| version);
        let providers = version.map_or(&[][..], BoxVersion::providers);
        let name = &self.found.name;
        IndexElement {
            registry_name: &name.username,
            box_name: &name.name,
            short_description: &of.short_description,
            description: &of.description,
            current_version_name: number,
            version_description: version.map_or("", |version| &version.description),
            version_updated_at: version.map(|version| exact_timestamp(version.updated)),
            provider_names: names(providers.iter().map(|one| &one.name)),
            architecture_types: names(providers.iter().map(|one| &one.architecture)),
            downloads: of.downloads.to_string(),
            is_private: self.found.visibility == Visibility::Private,
            avatar: "",
            vc_url: self.site.at(&format!("/{name}")),
            created_at: exact_timestamp(of.created),
            updated_at: exact_timestamp(of.updated),
        }
    }

    /// Returns the URL of a file; `None` if there is none yet.
    fn url_of(self, number: &BoxNumber, provider: &BoxProvider) -> Option<String> {
        match &provider.source {
            BoxSource::Awaited => None,
            BoxSource::External(url) => Some(url.clone()),
            BoxSource::Hosted(_) => {
                Some(download_url(self.site, &self.found.name, number, provider))
            }
        }
    }

    // Contract: boxes-hcp.expanded
    fn included<T>(self, children: impl Iterator<Item = T>) -> Vec<T> {
        match self.children {
            Children::Included => children.collect(),
            Children::Omitted => Vec::new(),
        }
    }
}

/// Returns the names without repetitions, in their order.
fn names<'a>(all: impl Iterator<Item = &'a Name>) -> Vec<&'a Name> {
    let mut all: Vec<_> = all.collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn box_state(of: &VagrantBox) -> &'static str {
    let mut active = of.versions().filter(|(_, version)| version.is_active());
    let is_empty = |version: &BoxVersion| version.providers().is_empty();
    match active.next() {
        None if of.versions().len() == 0 => "NO_VERSIONS",
        None => "NO_RELEASED_VERSIONS",
        Some((_, first)) if is_empty(first) && active.all(|(_, version)| is_empty(version)) => {
            "NO_PROVIDERS"
        }
        Some(_) => "AVAILABLE",
    }
}

fn version_state(status: BoxStatus) -> &'static str {
    match status {
        BoxStatus::Unreleased => "UNRELEASED",
        BoxStatus::Active => "ACTIVE",
        BoxStatus::Revoked => "REVOKED",
    }
}

fn latest_release(of: &VagrantBox) -> Option<String> {
    let released = of.versions().filter_map(|(_, version)| version.released);
    released.max().map(exact_timestamp)
}
