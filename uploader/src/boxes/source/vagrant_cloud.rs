//! Reads the API of Vagrant Cloud as a source: v2, or v1, which knows no architectures.
//!
//! Evidence: the API's documentation, and the requests of Vagrant 2.4.9 and of the gem vagrant_cloud 3.1.3.

use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

use super::{BoxQuery, join_segments, without_secrets};
use crate::base::error::Cause;
use crate::boxes::checksum::Checksum;
use crate::boxes::credentials::VAGRANT_CLOUD;
use crate::boxes::model::{
    BoxRecord, FileRecord, UNKNOWN_ARCHITECTURE, VersionRecord, VersionState, settle_defaults,
};
use crate::boxes::registry::RegistryClient;

/// A server with the API of Vagrant Cloud.
pub struct VagrantCloud {
    pub(in crate::boxes) http: RegistryClient,
    /// The address with the version of the API.
    pub(in crate::boxes) base: Url,
}

impl VagrantCloud {
    /// Returns the server at an address, with `v1` or `v2` of the API.
    pub(in crate::boxes) fn at(http: RegistryClient, base: &Url, version: &str) -> Self {
        let base = api(base, version);
        Self { http, base }
    }

    /// Probes an address for this API; `None` if it does not answer as such.
    pub(super) async fn find(
        http: &RegistryClient,
        base: &Url,
        wanted: &BoxQuery,
    ) -> Result<Option<Self>, Cause> {
        let mut redirected = None;
        for version in ["v2", "v1"] {
            let this = Self::at(http.clone(), base, version);
            let parts = match &wanted.name {
                Some(name) => vec!["box", &*wanted.owner, name],
                None => vec!["user", &*wanted.owner],
            };
            let answer: Option<Probe> = match http.ask(&join_segments(&this.base, parts)).await {
                Err(cause @ (Cause::Page { .. } | Cause::TokenNotSent { .. })) => {
                    redirected = Some(cause);
                    continue;
                }
                answer => answer?,
            };
            let is_one = answer.is_some_and(|answer| match wanted.name {
                Some(_) => answer.versions.is_some(),
                None => answer.boxes.is_some(),
            });
            if is_one {
                return Ok(Some(this));
            }
        }
        redirected.map_or(Ok(None), Err)
    }

    /// Returns the names of all boxes of a user or an organisation.
    pub(super) async fn names(&self, owner: &str) -> Result<Vec<String>, Cause> {
        let user: User = self
            .http
            .json(&join_segments(&self.base, ["user", owner]))
            .await?;
        let boxes = user.boxes.unwrap_or_default().into_iter();
        Ok(boxes.map(|found| found.name).collect())
    }

    /// Reads a box with all its versions.
    pub(super) async fn record(&self, owner: &str, name: &str) -> Result<BoxRecord, Cause> {
        let found: CloudBox = self
            .http
            .json(&join_segments(&self.base, ["box", owner, name]))
            .await?;
        let versions = found.versions.unwrap_or_default().into_iter();
        Ok(BoxRecord {
            owner: owner.to_owned(),
            name: name.to_owned(),
            private: found.private.unwrap_or(false),
            short_description: found.short_description.unwrap_or_default(),
            description: found.description_markdown.unwrap_or_default(),
            created_at: found.created_at,
            updated_at: found.updated_at,
            source: without_secrets(&self.base),
            versions: versions
                .map(|version| self.version(owner, name, version))
                .collect(),
        })
    }

    /// Requests the checksum of a single file, because v1 omits checksums in the reply about a box.
    pub(super) async fn checksum(
        &self,
        record: &BoxRecord,
        version: &str,
        file: &FileRecord,
    ) -> Result<Option<Checksum>, Cause> {
        let (owner, name) = (&*record.owner, &*record.name);
        let mut parts = vec!["box", owner, name, "version", version, "provider"];
        parts.push(&file.provider);
        if self.base.path().ends_with("/v2") {
            parts.push(&file.architecture);
        }
        let found: Option<CloudProvider> =
            self.http.find(&join_segments(&self.base, parts)).await?;
        Ok(found.and_then(|found| {
            Checksum::from_reply(found.checksum_type.as_deref(), found.checksum.as_deref())
        }))
    }

    fn version(&self, owner: &str, name: &str, version: CloudVersion) -> VersionRecord {
        let providers = version.providers.unwrap_or_default().into_iter();
        let mut files: Vec<_> = providers.map(|provider| self.file(provider)).collect();
        for file in files.iter_mut().filter(|file| file.url.is_none()) {
            file.url = Some(self.usual_address(owner, name, &version.version, file));
        }
        settle_defaults(&mut files);
        let state = version.status.as_deref().and_then(VersionState::parse);
        VersionRecord {
            version: version.version,
            state: state.unwrap_or(VersionState::Unreleased),
            description: version.description_markdown.unwrap_or_default(),
            created_at: version.created_at,
            updated_at: version.updated_at,
            providers: files,
        }
    }

    fn file(&self, provider: CloudProvider) -> FileRecord {
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        let url = text(provider.download_url).or(text(provider.original_url));
        // A server hosts a file when its address answers for it, wherever it redirects downloads.
        let hosted = provider.hosted == Some(true)
            || url
                .as_deref()
                .and_then(|url| Url::parse(url).ok())
                .is_none_or(|url| self.answers_for(&url));
        let architecture = text(provider.architecture);
        FileRecord {
            provider: provider.name,
            architecture: architecture.unwrap_or_else(|| UNKNOWN_ARCHITECTURE.to_owned()),
            default_architecture: provider.default_architecture.unwrap_or(false),
            hosted,
            url,
            file: None,
            link: false,
            size: None,
            checksum: Checksum::from_reply(
                provider.checksum_type.as_deref(),
                provider.checksum.as_deref(),
            ),
            checksum_computed: false,
            created_at: provider.created_at,
            updated_at: provider.updated_at,
        }
    }

    /// Returns the address at which Vagrant Cloud serves a file that it hosts.
    fn usual_address(&self, owner: &str, name: &str, version: &str, file: &FileRecord) -> String {
        let base = self.base.path().trim_end_matches('/');
        let mut root = self.base.clone();
        root.set_path(base.rsplit_once("/api/").map_or("", |(root, _)| root));
        let of_version = [owner, "boxes", name, "versions", version, "providers"];
        let url = join_segments(&root, of_version);
        if base.ends_with("/v2") {
            let parts = [&*file.provider, &file.architecture, "vagrant.box"];
            join_segments(&url, parts).into()
        } else {
            join_segments(&url, [&*format!("{}.box", file.provider)]).into()
        }
    }

    fn answers_for(&self, url: &Url) -> bool {
        let one_service = |url: &Url| {
            url.host_str()
                .is_some_and(|host| VAGRANT_CLOUD.contains(&host))
        };
        self.http.is_registry_url(url) || (one_service(url) && one_service(&self.base))
    }
}

/// Returns the address of the API below an address, which may name a version of the API already.
fn api(base: &Url, version: &str) -> Url {
    let mut url = base.clone();
    let path = url.path().trim_end_matches('/');
    let path = ["/api/v1", "/api/v2"]
        .iter()
        .find_map(|api| path.strip_suffix(api))
        .unwrap_or(path);
    let path = format!("{path}/api/{version}");
    url.set_path(&path);
    url
}

/// A reply whose fields distinguish this API from others. Their values are ignored.
#[derive(Deserialize)]
struct Probe {
    versions: Option<Vec<IgnoredAny>>,
    boxes: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
struct User {
    boxes: Option<Vec<Named>>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct CloudBox {
    short_description: Option<String>,
    description_markdown: Option<String>,
    private: Option<bool>,
    created_at: Option<String>,
    updated_at: Option<String>,
    versions: Option<Vec<CloudVersion>>,
}

#[derive(Deserialize)]
struct CloudVersion {
    version: String,
    status: Option<String>,
    description_markdown: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    providers: Option<Vec<CloudProvider>>,
}

#[derive(Deserialize)]
struct CloudProvider {
    name: String,
    hosted: Option<bool>,
    download_url: Option<String>,
    original_url: Option<String>,
    checksum: Option<String>,
    checksum_type: Option<String>,
    architecture: Option<String>,
    default_architecture: Option<bool>,
    created_at: Option<String>,
    updated_at: Option<String>,
}
