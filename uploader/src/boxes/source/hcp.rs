//! Reads HCP Vagrant's registry API (2022-09-30) as a source.
//!
//! Evidence: the operations of the API, and the requests of packer-plugin-vagrant 1.1.7, which uses it.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use url::Url;

use super::{BoxQuery, Location, join_segments, remote, without_secrets};
use crate::api::http::request_line::request_line;
use crate::base::error::Cause;
use crate::boxes::checksum::Checksum;
use crate::boxes::model::{
    BoxRecord, FileRecord, UNKNOWN_ARCHITECTURE, VersionRecord, VersionState, settle_defaults,
};
use crate::boxes::registry::RegistryClient;

const PREFIX: [&str; 2] = ["vagrant", "2022-09-30"];
/// The requested page size; a registry may send smaller pages.
const PAGE_SIZE: &str = "100";
/// The maximum number of pages, which ends a list that would never end.
const MAX_PAGES: usize = 10_000;
/// The start of Go's zero time, which stands for a missing time.
const NO_TIME: &str = "0001-01-01";

/// A registry of HCP.
pub struct Hcp {
    pub(in crate::boxes) http: RegistryClient,
    pub(in crate::boxes) base: Url,
}

impl Hcp {
    /// Probes an address for this API; `None` if it does not answer as such.
    pub(super) async fn find(
        http: &RegistryClient,
        base: &Url,
        wanted: &BoxQuery,
    ) -> Result<Option<Self>, Cause> {
        let this = Self {
            http: http.clone(),
            base: base.clone(),
        };
        // These endpoints are known to be public, unlike that of the registry itself.
        let url = match &wanted.name {
            Some(name) => this.url(&["registry", &*wanted.owner, "box", name]),
            None => this.url(&["registry", &*wanted.owner, "boxes"]),
        };
        let answer: Option<Probe> = this.http.ask(&url).await?;
        let is_one = answer.is_some_and(|answer| match wanted.name {
            Some(_) => answer.found.is_some(),
            // A reply may omit an empty list.
            None => answer.boxes.is_some() || answer.pagination.is_some(),
        });
        Ok(is_one.then_some(this))
    }

    /// Returns the names of all boxes of a registry.
    pub(super) async fn names(&self, registry: &str) -> Result<Vec<String>, Cause> {
        let url = self.url(&["registry", registry, "boxes"]);
        let boxes: Vec<Named> = self.pages(url, "boxes", false).await?;
        Ok(boxes.into_iter().map(|found| found.name).collect())
    }

    /// Reads a box. Versions, providers and architectures that its reply omits are requested separately, since a
    /// reply does not tell an omitted list from an empty one.
    pub(super) async fn record(&self, registry: &str, name: &str) -> Result<BoxRecord, Cause> {
        let path = ["registry", registry, "box", name];
        let mut url = self.url(&path);
        url.query_pairs_mut().append_pair("expanded", "true");
        let found = self.http.json::<BoxReply>(&url).await?.found;
        let announced = found.summary.and_then(|summary| summary.versions_count);
        let mut versions = found.versions.unwrap_or_default();
        if versions.is_empty() || (versions.len() as u64) < announced.unwrap_or(0) {
            let url = join_segments(&self.url(&path), ["versions"]);
            versions = match self.pages(url, "versions", true).await {
                Ok(versions) => versions,
                // The other versions are not public.
                Err(Cause::Status {
                    status: 401 | 403 | 404,
                    ..
                }) if !versions.is_empty() => versions,
                Err(cause) => return Err(cause),
            };
        }
        let mut records = Vec::with_capacity(versions.len());
        for version in versions {
            records.push(self.version(&path, version).await?);
        }
        Ok(BoxRecord {
            owner: registry.to_owned(),
            name: name.to_owned(),
            private: found.is_private.unwrap_or(false),
            short_description: found.short_description.unwrap_or_default(),
            description: found.description.unwrap_or_default(),
            created_at: time(found.created_at),
            updated_at: time(found.updated_at),
            source: without_secrets(&self.base),
            versions: records,
        })
    }

    async fn version(&self, path: &[&str], version: HcpVersion) -> Result<VersionRecord, Cause> {
        let url = join_segments(&self.url(path), ["version", &*version.name, "providers"]);
        let mut providers = version.providers.unwrap_or_default();
        if providers.is_empty() {
            providers = self.pages(url, "providers", true).await?;
        }
        let mut files = Vec::new();
        for provider in providers {
            let mut architectures = provider.architectures.unwrap_or_default();
            if architectures.is_empty() {
                let parts = ["version", &*version.name, "provider", &*provider.name];
                let url = join_segments(&join_segments(&self.url(path), parts), ["architectures"]);
                architectures = self.pages(url, "architectures", false).await?;
            }
            let of_provider = architectures
                .into_iter()
                .map(|architecture| self.file(&provider.name, architecture));
            files.extend(of_provider);
        }
        settle_defaults(&mut files);
        let state = version.state.as_deref().and_then(VersionState::parse);
        Ok(VersionRecord {
            // A version without a state counts as unreleased.
            state: state.unwrap_or(VersionState::Unreleased),
            version: version.name,
            description: version.description.unwrap_or_default(),
            created_at: time(version.created_at),
            updated_at: time(version.updated_at),
            providers: files,
        })
    }

    fn file(&self, provider: &str, found: HcpArchitecture) -> FileRecord {
        let data = found.box_data.unwrap_or_default();
        let url = data.download_url.filter(|url| !url.is_empty());
        let elsewhere = url
            .as_deref()
            .is_some_and(|url| Url::parse(url).is_ok_and(|url| !self.http.is_registry_url(&url)));
        let architecture = found.architecture_type.filter(|name| !name.is_empty());
        FileRecord {
            provider: provider.to_owned(),
            architecture: architecture.unwrap_or_else(|| UNKNOWN_ARCHITECTURE.to_owned()),
            default_architecture: found.default.unwrap_or(false),
            hosted: !elsewhere,
            url,
            file: None,
            link: false,
            // A registry without the size writes 0.
            size: data.size.filter(|size| *size > 0),
            checksum: Checksum::from_reply(data.checksum_type.as_deref(), data.checksum.as_deref()),
            checksum_computed: false,
            created_at: time(found.created_at),
            updated_at: time(found.updated_at),
        }
    }

    /// Requests the signed address of a file.
    pub(super) async fn place(
        &self,
        record: &BoxRecord,
        version: &str,
        file: &FileRecord,
    ) -> Result<Location, Cause> {
        let url = self.url(&[
            "registry",
            &record.owner,
            "box",
            &record.name,
            "version",
            version,
            "provider",
            &file.provider,
            "architecture",
            &file.architecture,
            "download",
        ]);
        let reply: Download = self.http.for_downloads().json(&url).await?;
        remote(&reply.url).map(Location::Remote)
    }

    pub(in crate::boxes) fn url(&self, parts: &[&str]) -> Url {
        join_segments(&self.base, PREFIX.into_iter().chain(parts.iter().copied()))
    }

    /// Reads all elements of a list, page by page.
    async fn pages<T: DeserializeOwned>(
        &self,
        list: Url,
        key: &str,
        expanded: bool,
    ) -> Result<Vec<T>, Cause> {
        let mut all = Vec::new();
        let (mut token, mut size) = (String::new(), Some(PAGE_SIZE));
        for _ in 0..MAX_PAGES {
            let (url, mut page) = self.page(&list, expanded, &token, &mut size).await?;
            let wrong = |detail: String| Cause::Reply {
                request: request_line("GET", &url),
                detail,
            };
            let items = page.get_mut(key).map(Value::take).unwrap_or_default();
            let items: Option<Vec<T>> =
                serde_json::from_value(items).map_err(|error| wrong(error.to_string()))?;
            all.extend(items.unwrap_or_default());
            let next = page["pagination"]["next_page_token"].as_str();
            let next = next.unwrap_or_default();
            if next.is_empty() {
                return Ok(all);
            }
            if next == token {
                return Err(wrong("the next page is the same again".to_owned()));
            }
            token = next.to_owned();
        }
        Err(Cause::Reply {
            request: request_line("GET", &list),
            detail: format!("more than {MAX_PAGES} pages"),
        })
    }

    /// Reads one page, and returns its address, too. If the registry refuses the page size, this and all later
    /// requests leave it out.
    async fn page(
        &self,
        list: &Url,
        expanded: bool,
        token: &str,
        size: &mut Option<&str>,
    ) -> Result<(Url, Value), Cause> {
        loop {
            let mut url = list.clone();
            let given = [
                ("pagination.page_size", *size),
                ("expanded", expanded.then_some("true")),
                (
                    "pagination.next_page_token",
                    (!token.is_empty()).then_some(token),
                ),
            ];
            let given = given
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?)));
            url.query_pairs_mut().extend_pairs(given);
            match self.http.json(&url).await {
                Err(Cause::Status { status: 400, .. }) if size.is_some() => *size = None,
                page => return page.map(|page| (url, page)),
            }
        }
    }
}

fn time(time: Option<String>) -> Option<String> {
    time.filter(|time| !time.is_empty() && !time.starts_with(NO_TIME))
}

/// Parses a 64-bit integer, which HCP writes as a string.
fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_u64().or_else(|| value.as_str()?.parse().ok()))
}

/// A reply whose fields distinguish this API from others. Their values are ignored.
#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "box")]
    found: Option<IgnoredAny>,
    boxes: Option<IgnoredAny>,
    pagination: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct BoxReply {
    #[serde(rename = "box")]
    found: HcpBox,
}

#[derive(Deserialize)]
struct HcpBox {
    description: Option<String>,
    short_description: Option<String>,
    is_private: Option<bool>,
    created_at: Option<String>,
    updated_at: Option<String>,
    summary: Option<Summary>,
    versions: Option<Vec<HcpVersion>>,
}

#[derive(Deserialize)]
struct Summary {
    #[serde(default, deserialize_with = "integer")]
    versions_count: Option<u64>,
}

#[derive(Deserialize)]
pub(in crate::boxes) struct HcpVersion {
    name: String,
    pub(in crate::boxes) description: Option<String>,
    pub(in crate::boxes) state: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    providers: Option<Vec<HcpProvider>>,
}

#[derive(Deserialize)]
struct HcpProvider {
    name: String,
    architectures: Option<Vec<HcpArchitecture>>,
}

#[derive(Deserialize)]
pub(in crate::boxes) struct HcpArchitecture {
    architecture_type: Option<String>,
    pub(in crate::boxes) default: Option<bool>,
    pub(in crate::boxes) box_data: Option<BoxData>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

#[derive(Default, Deserialize)]
pub(in crate::boxes) struct BoxData {
    pub(in crate::boxes) download_url: Option<String>,
    pub(in crate::boxes) checksum: Option<String>,
    pub(in crate::boxes) checksum_type: Option<String>,
    #[serde(default, deserialize_with = "integer")]
    pub(in crate::boxes) size: Option<u64>,
}

#[derive(Deserialize)]
struct Download {
    url: String,
}
