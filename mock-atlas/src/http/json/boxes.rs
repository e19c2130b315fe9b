//! The JSON of boxes, in the order of recorded replies. Version 1 of the API knows no architectures.

use serde::Serialize;

use super::markdown;
use crate::domain::{
    ArtifactName, BoxNumber, BoxProvider, BoxSource, BoxVersion, Name, Visibility, exact_timestamp,
};
use crate::http::extract::{BoxApi, Site};
use crate::storage::FoundBox;

/// A view of a box for one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoxView<'a> {
    pub(crate) found: &'a FoundBox,
    pub(crate) api: BoxApi,
    pub(crate) site: &'a Site,
}

/// A box.
// Contract: boxes.box-fields
#[derive(Debug, Serialize)]
pub(crate) struct BoxElement<'a> {
    created_at: String,
    updated_at: String,
    tag: &'a ArtifactName,
    name: &'a Name,
    short_description: &'a str,
    description_html: String,
    username: &'a Name,
    description_markdown: &'a str,
    private: bool,
    downloads: u64,
    current_version: Option<VersionElement<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<Vec<VersionElement<'a>>>,
}

/// A version of a box.
// Contract: boxes.version-fields
#[derive(Debug, Serialize)]
pub(crate) struct VersionElement<'a> {
    version: &'a BoxNumber,
    status: &'static str,
    description_html: String,
    description_markdown: &'a str,
    created_at: String,
    updated_at: String,
    number: &'a BoxNumber,
    release_url: String,
    revoke_url: String,
    providers: Vec<ProviderElement<'a>>,
}

/// A provider of a version.
// Contract: boxes.provider-fields
#[derive(Debug, Serialize)]
pub(crate) struct ProviderElement<'a> {
    name: &'a Name,
    hosted: bool,
    hosted_token: Option<&'static str>,
    original_url: Option<&'a str>,
    created_at: String,
    updated_at: String,
    download_url: String,
    checksum: Option<&'a str>,
    checksum_type: Option<&'static str>,
    #[serde(flatten)]
    architecture: Option<ArchitectureFields<'a>>,
}

/// The fields of a provider that only version 2 of the API has.
#[derive(Debug, Serialize)]
pub(super) struct ArchitectureFields<'a> {
    architecture: &'a Name,
    default_architecture: bool,
}

impl<'a> ArchitectureFields<'a> {
    pub(super) fn of(provider: &'a BoxProvider) -> Self {
        Self {
            architecture: &provider.architecture,
            default_architecture: provider.is_default,
        }
    }
}

impl<'a> BoxView<'a> {
    /// Returns the box with all its versions, the newest first.
    // Contract: boxes.version-order
    pub(crate) fn whole(self) -> BoxElement<'a> {
        let versions = self.found.vagrant_box.versions();
        let versions = versions.map(|(number, version)| self.version(number, version));
        BoxElement {
            versions: Some(versions.collect()),
            ..self.without_versions()
        }
    }

    /// Returns the box as lists have it.
    pub(crate) fn without_versions(self) -> BoxElement<'a> {
        let of = &self.found.vagrant_box;
        let current = of.current_version();
        BoxElement {
            created_at: exact_timestamp(of.created),
            updated_at: exact_timestamp(of.updated),
            tag: &self.found.name,
            name: &self.found.name.name,
            short_description: &of.short_description,
            description_html: markdown::rendered(&of.description),
            username: &self.found.name.username,
            description_markdown: &of.description,
            private: self.found.visibility == Visibility::Private,
            downloads: of.downloads,
            current_version: current.map(|(number, version)| self.version(number, version)),
            versions: None,
        }
    }

    /// Returns a version of the box.
    pub(crate) fn version(
        self,
        number: &'a BoxNumber,
        version: &'a BoxVersion,
    ) -> VersionElement<'a> {
        let call = |name: &str| {
            let (api, tag) = (self.api.path(), &self.found.name);
            self.site
                .at(&format!("{api}/box/{tag}/version/{number}/{name}"))
        };
        let providers = version.providers().iter();
        VersionElement {
            version: number,
            status: version.status.name(),
            description_html: markdown::rendered(&version.description),
            description_markdown: &version.description,
            created_at: exact_timestamp(version.created),
            updated_at: exact_timestamp(version.updated),
            number,
            release_url: call("release"),
            revoke_url: call("revoke"),
            providers: providers.map(|of| self.provider(number, of)).collect(),
        }
    }

    /// Returns a provider of a version.
    // Contract: boxes.external
    pub(crate) fn provider(
        self,
        number: &BoxNumber,
        provider: &'a BoxProvider,
    ) -> ProviderElement<'a> {
        let (checksum_type, checksum) = provider.shown_checksum().unzip();
        ProviderElement {
            name: &provider.name,
            hosted: provider.hosted().is_some(),
            hosted_token: None,
            original_url: match &provider.source {
                BoxSource::External(url) => Some(url),
                BoxSource::Awaited | BoxSource::Hosted(_) => None,
            },
            created_at: exact_timestamp(provider.created),
            updated_at: exact_timestamp(provider.updated),
            download_url: download_url(self.site, &self.found.name, number, provider),
            checksum,
            checksum_type,
            architecture: match self.api {
                BoxApi::V1 => None,
                BoxApi::V2 => Some(ArchitectureFields::of(provider)),
            },
        }
    }
}

/// Returns the URL of a provider's file.
pub(crate) fn download_url(
    site: &Site,
    name: &ArtifactName,
    number: &BoxNumber,
    provider: &BoxProvider,
) -> String {
    site.at(&download_path(name, number, provider))
}

/// Returns the path of a provider's file. That of a stored file has its digest, since Vagrant resumes a download
/// by the URL alone: behind a URL there must never be other bytes.
// Contract: boxes.download-immutable
pub(crate) fn download_path(
    name: &ArtifactName,
    number: &BoxNumber,
    provider: &BoxProvider,
) -> String {
    let ArtifactName { username, name } = name;
    let BoxProvider {
        name: of,
        architecture,
        ..
    } = provider;
    let digest = match provider.hosted() {
        Some(file) => format!("/{}", file.sha256),
        None => String::new(),
    };
    format!(
        "/{username}/boxes/{name}/versions/{number}/providers/{of}/{architecture}{digest}/vagrant.box"
    )
}

/// The reply `{"boxes": [ … ]}` to a search.
#[derive(Debug, Serialize)]
pub(crate) struct BoxesReply<'a> {
    pub(crate) boxes: Vec<BoxElement<'a>>,
}

/// The reply with a user or an organisation. Its boxes have no `versions`: a client that finds them lists each
/// version twice.
// Contract: boxes.user
#[derive(Debug, Serialize)]
pub(crate) struct NamespaceReply<'a> {
    username: &'a Name,
    avatar_url: Option<&'static str>,
    profile_html: Option<String>,
    profile_markdown: Option<&'a str>,
    boxes: Vec<BoxElement<'a>>,
}

impl<'a> NamespaceReply<'a> {
    /// Creates the reply with a namespace whose profile is the description of its registry; an empty one is none.
    pub(crate) fn new(username: &'a Name, profile: &'a str, boxes: Vec<BoxElement<'a>>) -> Self {
        let profile = Some(profile).filter(|profile| !profile.is_empty());
        Self {
            username,
            avatar_url: None,
            profile_html: profile.map(markdown::rendered),
            profile_markdown: profile,
            boxes,
        }
    }
}

/// The reply to a request for an upload.
// Contract: boxes.upload
#[derive(Debug, Serialize)]
pub(crate) struct UploadReply {
    pub(crate) upload_path: String,
    /// A token that clients may send along. The path alone authorises.
    pub(crate) token: String,
}

/// The reply to a request for a direct upload.
// Contract: boxes.upload-direct
#[derive(Debug, Serialize)]
pub(crate) struct DirectUploadReply {
    pub(crate) upload_path: String,
    /// The URL that makes the file visible.
    pub(crate) callback: String,
}
