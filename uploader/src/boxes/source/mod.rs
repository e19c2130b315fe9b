//! A source is an origin of boxes; its kind is determined by asking it.
//!
//! - `hcp`: HCP Vagrant's registry API
//! - `vagrant_cloud`: the API of Vagrant Cloud, v2 or v1, which other servers have as well
//! - `catalog`: a catalog, a JSON document about one box
//! - `installed`: the boxes that Vagrant has installed on this computer

mod catalog;
pub(in crate::boxes) mod hcp;
mod installed;
pub(in crate::boxes) mod vagrant_cloud;

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::checksum::Checksum;
use super::credentials::Audience;
use super::model::{BoxRecord, FileRecord};
use super::registry::{RegistryClient, RegistryOptions};
use crate::base::error::{Cause, Error, Phase};

/// The address of HCP's API.
pub const HCP: &str = "https://api.cloud.hashicorp.com";

/// A request for boxes: all of an owner, or one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxQuery {
    /// The owner.
    pub owner: String,
    /// The name of one box; `None` for all boxes of the owner.
    pub name: Option<String>,
}

impl BoxQuery {
    /// Parses `OWNER` or `OWNER/NAME`.
    ///
    /// # Errors
    /// Returns a sentence about a text that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (owner, name) = match text.split_once('/') {
            Some((owner, name)) => (owner, Some(name)),
            None => (text, None),
        };
        let is_empty = owner.is_empty() || name.is_some_and(str::is_empty);
        if is_empty || name.is_some_and(|name| name.contains('/')) {
            return Err(format!("{text:?} is neither ORG nor ORG/BOX"));
        }
        Ok(Self {
            owner: owner.to_owned(),
            name: name.map(str::to_owned),
        })
    }
}

/// Shows `OWNER` or `OWNER/NAME`.
impl fmt::Display for BoxQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.owner)?;
        match &self.name {
            Some(name) => write!(f, "/{name}"),
            None => Ok(()),
        }
    }
}

/// A source whose kind is known.
pub enum Source {
    /// HCP's registry API.
    Hcp(hcp::Hcp),
    /// A server with the API of Vagrant Cloud.
    VagrantCloud(vagrant_cloud::VagrantCloud),
    /// A catalog.
    Catalog(catalog::CatalogSource),
    /// The boxes in Vagrant's own folder.
    Installed(installed::Installed),
}

/// The location of the bytes of a file.
pub enum Location {
    /// The bytes are fetched from this address.
    Remote(Url),
    /// The bytes are packed from this folder.
    Folder(PathBuf),
    /// The bytes are copied from this file.
    File(PathBuf),
}

impl Source {
    /// Determines the kind of an address by asking it for the requested boxes: HCP's API first, then Vagrant
    /// Cloud's, then a catalog. An address that is a path, or begins with `file:`, is a catalog or Vagrant's
    /// folder of boxes.
    ///
    /// # Errors
    /// [`Phase::Boxes`] when the address answers as no known kind, or lacks the requested boxes.
    pub async fn find(
        options: RegistryOptions,
        from: &str,
        wanted: &[BoxQuery],
    ) -> Result<Self, Error> {
        let failed = |cause| Error::new(Phase::Boxes, cause);
        if let Some(path) = local(from) {
            return blocking(move || Self::local(&path)).await.map_err(failed);
        }
        let url = Url::parse(from).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| {
            let reason = format!("--from {from:?} is neither an http or https address nor a path");
            failed(Cause::Usage(reason))
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            let reason = "--from must not hold a user or a password; credentials come from HCP_CLIENT_ID and HCP_CLIENT_SECRET, or VAGRANT_CLOUD_TOKEN";
            return Err(failed(Cause::Usage(reason.to_owned())));
        }
        let (credentials, is_less) = options.credentials.for_source(&url);
        if is_less {
            options.report_withheld(&url);
        }
        let options = RegistryOptions {
            credentials,
            ..options
        };
        let http = RegistryClient::new(options, &url, Audience::Hcp).map_err(failed)?;
        Self::ask(http, url, wanted).await.map_err(failed)
    }

    async fn ask(http: RegistryClient, url: Url, wanted: &[BoxQuery]) -> Result<Self, Cause> {
        let (mut refusal, mut is_known) = (None, false);
        for one in wanted {
            match hcp::Hcp::find(&http, &url, one).await {
                Ok(Some(hcp)) => return Ok(Self::Hcp(hcp)),
                Ok(None) => is_known = true,
                Err(cause) => refusal = Some(unless_refused(cause)?),
            }
        }
        let http = http.for_audience(Audience::VagrantCloud);
        for one in wanted {
            match vagrant_cloud::VagrantCloud::find(&http, &url, one).await {
                Ok(Some(cloud)) => return Ok(Self::VagrantCloud(cloud)),
                Ok(None) => is_known = true,
                Err(cause) => refusal = Some(unless_refused(cause)?),
            }
        }
        match catalog::CatalogSource::find(&http, &url, wanted).await {
            Ok(Some(catalog)) => return Ok(Self::Catalog(catalog)),
            Ok(None) => {}
            Err(cause) => refusal = Some(unless_refused(cause)?),
        }
        // A source that answered one of the requests does not demand a login, so a page is its own content.
        let refusal = refusal.filter(|cause| !is_known || !matches!(cause, Cause::Page { .. }));
        let what = wanted.iter().map(BoxQuery::to_string).collect::<Vec<_>>();
        let what = what.join(", ");
        Err(refusal.unwrap_or_else(|| Cause::Missing(format!(
            "{url} shows no box for {what}, neither as HCP Vagrant nor as a Vagrant Cloud nor as a catalog; a private box needs HCP_CLIENT_ID and HCP_CLIENT_SECRET, or VAGRANT_CLOUD_TOKEN"
        ))))
    }

    fn local(path: &Path) -> Result<Self, Cause> {
        if path.is_dir() {
            return installed::Installed::open(path).map(Self::Installed);
        }
        catalog::CatalogSource::read(path).map(Self::Catalog)
    }

    /// Returns the requested boxes as owner and name. For an empty request, returns all boxes of a source that
    /// can list them.
    ///
    /// # Errors
    /// [`Phase::Boxes`].
    pub async fn list(&self, wanted: &[BoxQuery]) -> Result<Vec<(String, String)>, Error> {
        let failed = |cause| Error::new(Phase::Boxes, cause);
        match self {
            Self::Catalog(catalog) => catalog.list(wanted).map_err(failed),
            Self::Installed(installed) => {
                let (installed, wanted) = (installed.clone(), wanted.to_vec());
                let listed = blocking(move || installed.list(&wanted)).await;
                listed.map_err(failed)
            }
            Self::Hcp(_) | Self::VagrantCloud(_) => {
                let mut found = Vec::new();
                for wanted in wanted {
                    found.extend(self.names(wanted).await.map_err(failed)?);
                }
                found.sort();
                found.dedup();
                Ok(found)
            }
        }
    }

    async fn names(&self, wanted: &BoxQuery) -> Result<Vec<(String, String)>, Cause> {
        let owner = &wanted.owner;
        let names = match (self, &wanted.name) {
            (_, Some(name)) => vec![name.clone()],
            (Self::Hcp(hcp), None) => hcp.names(owner).await?,
            (Self::VagrantCloud(cloud), None) => cloud.names(owner).await?,
            (Self::Catalog(_) | Self::Installed(_), None) => Vec::new(),
        };
        let with_owner = names.into_iter().map(|name| (owner.clone(), name));
        Ok(with_owner.collect())
    }

    /// Reads a box with all its versions.
    ///
    /// # Errors
    /// Fails with the reason why the box cannot be read.
    pub async fn record(&self, owner: &str, name: &str) -> Result<BoxRecord, Cause> {
        match self {
            Self::Hcp(hcp) => hcp.record(owner, name).await,
            Self::VagrantCloud(cloud) => cloud.record(owner, name).await,
            Self::Catalog(catalog) => catalog.record(owner, name),
            Self::Installed(installed) => {
                let installed = installed.clone();
                let (owner, name) = (owner.to_owned(), name.to_owned());
                blocking(move || installed.record(&owner, &name)).await
            }
        }
    }

    /// Returns the checksum of a file; asks the source for one that it has not told yet.
    ///
    /// # Errors
    /// Fails with the reason why the source cannot be asked.
    pub async fn checksum(
        &self,
        record: &BoxRecord,
        version: &str,
        file: &FileRecord,
    ) -> Result<Option<Checksum>, Cause> {
        match (&file.checksum, self) {
            (None, Self::VagrantCloud(cloud)) => cloud.checksum(record, version, file).await,
            (known, _) => Ok(known.clone()),
        }
    }

    /// Returns the current location of a file's bytes. An address that HCP signs expires.
    ///
    /// # Errors
    /// Fails with the reason why the location cannot be determined.
    pub async fn place(
        &self,
        record: &BoxRecord,
        version: &str,
        file: &FileRecord,
    ) -> Result<Location, Cause> {
        match self {
            Self::Hcp(hcp) if file.hosted => hcp.place(record, version, file).await,
            Self::Installed(installed) => {
                let (installed, tag) = (installed.clone(), record.tag());
                let (version, file) = (version.to_owned(), file.clone());
                blocking(move || installed.place(&tag, &version, &file)).await
            }
            Self::Hcp(_) | Self::VagrantCloud(_) | Self::Catalog(_) => {
                let address = file.url.as_deref().unwrap_or_default();
                match local(address) {
                    // Only a local catalog may name local files.
                    Some(path) if matches!(self, Self::Catalog(catalog) if catalog.is_local()) => {
                        Ok(Location::File(path))
                    }
                    _ => remote(address).map(Location::Remote),
                }
            }
        }
    }

    /// Returns the client that sends the requests; `None` for a local source.
    pub fn http(&self) -> Option<&RegistryClient> {
        match self {
            Self::Hcp(hcp) => Some(&hcp.http),
            Self::VagrantCloud(cloud) => Some(&cloud.http),
            Self::Catalog(catalog) => catalog.http.as_ref(),
            Self::Installed(_) => None,
        }
    }
}

/// Returns a refusal, after which the next kind is tried: a server may refuse the requests of another API.
///
/// # Errors
/// Any other failure is returned as an error.
fn unless_refused(cause: Cause) -> Result<Cause, Cause> {
    match cause {
        Cause::Status {
            status: 400..=499 | 501,
            ..
        }
        | Cause::TokenNotSent { .. }
        | Cause::Page { .. } => Ok(cause),
        cause => Err(cause),
    }
}

/// Runs blocking work, such as reading folders, outside the async runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Cause> + Send + 'static,
) -> Result<T, Cause> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Cause::Internal(error.to_string())))
}

fn remote(address: &str) -> Result<Url, Cause> {
    let url = Url::parse(address).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| {
        Cause::Missing(format!(
            "its address {address:?} is not an http or https address"
        ))
    })
}

/// Returns the path of a local source: a path, or an address that begins with `file:`.
fn local(from: &str) -> Option<PathBuf> {
    match Url::parse(from) {
        Ok(url) if url.scheme() == "file" => url.to_file_path().ok(),
        Ok(_) => None,
        // A text that is no address is a path; opening it detects a missing file.
        Err(_) => Some(PathBuf::from(from)),
    }
}

/// Returns the address of encoded path segments below a base.
pub(in crate::boxes) fn join_segments<'a>(
    base: &Url,
    parts: impl IntoIterator<Item = &'a str>,
) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(parts);
    }
    url
}

/// Returns the address for records, without its parts that could authorise a request.
fn without_secrets(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}
