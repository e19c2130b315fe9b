//! A `CatalogSource` is a source that consists of catalogs: JSON documents about one box each, which it reads as
//! `vagrant box add` does.
//!
//! Evidence: Vagrant 2.4.9 reads them at `/api/v2/vagrant/OWNER/NAME` and at `/OWNER/NAME`, and at any address
//! it is given.

use std::path::Path;

use serde::Deserialize;
use url::Url;

use super::{BoxQuery, join_segments, without_secrets};
use crate::base::error::Cause;
use crate::boxes::checksum::Checksum;
use crate::boxes::model::{
    BoxRecord, FileRecord, UNKNOWN_ARCHITECTURE, VersionRecord, VersionState, settle_defaults,
};
use crate::boxes::registry::RegistryClient;
use crate::files::read::read_settings;

/// A source of one catalog, or of several of one server.
pub struct CatalogSource {
    pub(super) http: Option<RegistryClient>,
    catalogs: Vec<(Url, Catalog)>,
}

impl CatalogSource {
    /// Finds the catalogs at an address; `None` if it has none of the requested boxes.
    pub(super) async fn find(
        http: &RegistryClient,
        base: &Url,
        wanted: &[BoxQuery],
    ) -> Result<Option<Self>, Cause> {
        let mut catalogs = Vec::new();
        if let Some(own) = catalog(http, base).await? {
            catalogs.push((base.clone(), own));
        } else {
            for wanted in wanted {
                catalogs.extend(of_box(http, base, wanted).await?);
            }
        }
        let http = Some(http.clone());
        Ok((!catalogs.is_empty()).then_some(Self { http, catalogs }))
    }

    /// Reads a local catalog.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self, Cause> {
        let failed = |error| Cause::file(path, error);
        let text = read_settings(path).map_err(failed)?;
        let catalog = serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
        let path = std::path::absolute(path).map_err(failed)?;
        let url = Url::from_file_path(&path)
            .map_err(|()| Cause::Usage(format!("{} is not an absolute path", path.display())))?;
        Ok(Self {
            http: None,
            catalogs: vec![(url, catalog)],
        })
    }

    /// Returns whether the catalog is a local file.
    pub(super) fn is_local(&self) -> bool {
        self.http.is_none()
    }

    pub(super) fn list(&self, wanted: &[BoxQuery]) -> Result<Vec<(String, String)>, Cause> {
        if wanted.is_empty() {
            let named = self
                .catalogs
                .iter()
                .filter_map(|(_, catalog)| catalog.owner_and_name());
            return Ok(named.collect());
        }
        let mut found = Vec::new();
        for wanted in wanted {
            let tags = self
                .catalogs
                .iter()
                .filter_map(|(_, catalog)| catalog.matches(wanted));
            let before = found.len();
            found.extend(tags);
            if found.len() == before {
                let names = self
                    .catalogs
                    .iter()
                    .map(|(_, catalog)| catalog.name.as_str());
                let names: Vec<_> = names.collect();
                return Err(Cause::Missing(format!(
                    "the source has no catalog of {}, only of {}",
                    wanted,
                    names.join(", ")
                )));
            }
        }
        Ok(found)
    }

    pub(super) fn record(&self, owner: &str, name: &str) -> Result<BoxRecord, Cause> {
        let wanted = BoxQuery {
            owner: owner.to_owned(),
            name: Some(name.to_owned()),
        };
        let mut catalogs = self.catalogs.iter();
        let found = catalogs.find(|(_, catalog)| catalog.matches(&wanted).is_some());
        let (url, catalog) = found.ok_or_else(|| {
            Cause::Missing(format!("the source has no catalog of {owner}/{name}"))
        })?;
        Ok(catalog.record(url, owner, name))
    }
}

/// Finds the catalog of a box on a server, preferring the one with architectures.
async fn of_box(
    http: &RegistryClient,
    base: &Url,
    wanted: &BoxQuery,
) -> Result<Option<(Url, Catalog)>, Cause> {
    let Some(name) = &wanted.name else {
        return Ok(None);
    };
    let owner = &*wanted.owner;
    for parts in [&["api", "v2", "vagrant", owner, name][..], &[owner, name]] {
        let url = join_segments(base, parts.iter().copied());
        if let Some(catalog) = catalog(http, &url).await? {
            return Ok(Some((url, catalog)));
        }
    }
    Ok(None)
}

async fn catalog(http: &RegistryClient, url: &Url) -> Result<Option<Catalog>, Cause> {
    http.find(url).await
}

#[derive(Deserialize)]
struct Catalog {
    name: String,
    description: Option<String>,
    short_description: Option<String>,
    versions: Vec<CatalogVersion>,
}

impl Catalog {
    fn owner_and_name(&self) -> Option<(String, String)> {
        let (owner, name) = self.name.split_once('/')?;
        Some((owner.to_owned(), name.to_owned()))
    }

    /// Returns the owner and name if the catalog is requested: its own, or the requested ones if its name has no
    /// owner.
    fn matches(&self, wanted: &BoxQuery) -> Option<(String, String)> {
        match self.owner_and_name() {
            Some((owner, name)) => {
                let same = owner == wanted.owner
                    && wanted.name.as_ref().is_none_or(|wanted| *wanted == name);
                same.then_some((owner, name))
            }
            None => Some((wanted.owner.clone(), wanted.name.clone()?)),
        }
    }

    fn record(&self, url: &Url, owner: &str, name: &str) -> BoxRecord {
        BoxRecord {
            owner: owner.to_owned(),
            name: name.to_owned(),
            private: false,
            short_description: self.short_description.clone().unwrap_or_default(),
            description: self.description.clone().unwrap_or_default(),
            created_at: None,
            updated_at: None,
            source: without_secrets(url),
            versions: self
                .versions
                .iter()
                .map(|version| version.record(url))
                .collect(),
        }
    }
}

#[derive(Deserialize)]
struct CatalogVersion {
    version: String,
    status: Option<String>,
    description: Option<String>,
    description_markdown: Option<String>,
    providers: Option<Vec<CatalogProvider>>,
}

impl CatalogVersion {
    fn record(&self, base: &Url) -> VersionRecord {
        let providers = self.providers.iter().flatten();
        let mut files: Vec<_> = providers.map(|provider| provider.record(base)).collect();
        settle_defaults(&mut files);
        let description = self
            .description_markdown
            .as_ref()
            .or(self.description.as_ref());
        let state = self.status.as_deref().and_then(VersionState::parse);
        VersionRecord {
            version: self.version.clone(),
            // Users get every version that a catalog lists, unless it says otherwise.
            state: state.unwrap_or(VersionState::Active),
            description: description.cloned().unwrap_or_default(),
            created_at: None,
            updated_at: None,
            providers: files,
        }
    }
}

#[derive(Deserialize)]
struct CatalogProvider {
    name: String,
    url: Option<String>,
    checksum: Option<String>,
    checksum_type: Option<String>,
    architecture: Option<String>,
    default_architecture: Option<bool>,
}

impl CatalogProvider {
    fn record(&self, base: &Url) -> FileRecord {
        // An address may be a path, or relative to that of the catalog.
        let url = self.url.as_deref().and_then(|url| base.join(url).ok());
        let hosted = url.as_ref().is_some_and(|url| {
            url.scheme() == base.scheme()
                && (url.scheme() == "file" || url.origin() == base.origin())
        });
        let architecture = self.architecture.clone().filter(|name| !name.is_empty());
        FileRecord {
            provider: self.name.clone(),
            architecture: architecture.unwrap_or_else(|| UNKNOWN_ARCHITECTURE.to_owned()),
            default_architecture: self.default_architecture.unwrap_or(false),
            hosted,
            url: url.map(String::from).or_else(|| self.url.clone()),
            file: None,
            link: false,
            size: None,
            checksum: Checksum::from_reply(self.checksum_type.as_deref(), self.checksum.as_deref()),
            checksum_computed: false,
            created_at: None,
            updated_at: None,
        }
    }
}
