//! A source is where boxes come from; of which kind it is, is found out by asking.
//!
//! - `hcp`: HCP Vagrant's registry API
//! - `vagrant_cloud`: the API of Vagrant Cloud, v2 or v1, which others speak as well
//! - `catalog`: a catalog, a JSON document about one box
//! - `installed`: the boxes that Vagrant has installed on this machine

mod catalog;
mod hcp;
mod installed;
mod vagrant_cloud;

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::checksum::Checksum;
use super::credentials::Audience;
use super::model::{BoxRecord, FileRecord};
use super::registry::{RegistryClient, RegistryOptions};
use crate::base::error::{Cause, Error, Phase};
use crate::base::reporter::Event;

/// The address of HCP's API.
pub const HCP: &str = "https://api.cloud.hashicorp.com";

/// The boxes that were asked for: all of an owner, or one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxQuery {
    /// The owner.
    pub owner: String,
    /// One of its boxes; all of them without.
    pub name: Option<String>,
}

impl BoxQuery {
    /// Reads `OWNER` or `OWNER/NAME`.
    ///
    /// # Errors
    /// A sentence says what a text is that is neither.
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

/// `OWNER` or `OWNER/NAME`.
impl fmt::Display for BoxQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.owner)?;
        match &self.name {
            Some(name) => write!(f, "/{name}"),
            None => Ok(()),
        }
    }
}

/// A source that is known to answer.
pub enum Source {
    /// HCP's registry API.
    Hcp(hcp::Hcp),
    /// A Vagrant Cloud.
    VagrantCloud(vagrant_cloud::VagrantCloud),
    /// A catalog.
    Catalog(catalog::CatalogSource),
    /// Vagrant's own folder.
    Installed(installed::Installed),
}

/// Says how the bytes of a file are had.
pub enum Location {
    /// From this address.
    Remote(Url),
    /// By packing this folder.
    Folder(PathBuf),
    /// From this file.
    File(PathBuf),
}

impl Source {
    /// Finds out what an address is, by asking it for what is wanted: HCP's API first, then a Vagrant
    /// Cloud, then a catalog. An address that is a path, or begins with `file:`, is a catalog, or
    /// Vagrant's folder of boxes.
    ///
    /// # Errors
    /// [`Phase::Boxes`]: nothing there that is known, or what is wanted is not there.
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
            let reason = "--from has a user or a password in it; credentials are taken from HCP_CLIENT_ID and HCP_CLIENT_SECRET, or VAGRANT_CLOUD_TOKEN";
            return Err(failed(Cause::Usage(reason.to_owned())));
        }
        let (credentials, is_less) = options.credentials.for_source(&url);
        if is_less {
            let source = url.origin().ascii_serialization();
            options
                .reporter
                .report(Event::TokenWithheld { source: &source });
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
        let http = http.speaking_to(Audience::VagrantCloud);
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
        // A source that has answered one of the questions keeps nobody out: a page is then one of its own.
        let refusal = refusal.filter(|cause| !is_known || !matches!(cause, Cause::Page { .. }));
        let what = wanted.iter().map(BoxQuery::to_string).collect::<Vec<_>>();
        let what = what.join(", ");
        Err(refusal.unwrap_or_else(|| Cause::Missing(format!(
            "{url} has none of {what} that can be seen, neither as HCP Vagrant nor as a Vagrant Cloud nor as a catalog; a private one needs HCP_CLIENT_ID and HCP_CLIENT_SECRET, or VAGRANT_CLOUD_TOKEN"
        ))))
    }

    fn local(path: &Path) -> Result<Self, Cause> {
        if path.is_dir() {
            return installed::Installed::open(path).map(Self::Installed);
        }
        catalog::CatalogSource::read(path).map(Self::Catalog)
    }

    /// The boxes that are wanted, as owner and name; all that there are for an empty list, of a source
    /// that can list them.
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

    /// A box with all its versions.
    ///
    /// # Errors
    /// Why it cannot be had.
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

    /// The checksum of a file of which the source has said none yet, if it has one.
    ///
    /// # Errors
    /// Why it cannot be asked.
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

    /// Asks where the bytes of a file are now: what HCP signs is good for a while alone.
    ///
    /// # Errors
    /// Why that cannot be known.
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
                    // Only what is a file here may name files here.
                    Some(path) if matches!(self, Self::Catalog(catalog) if catalog.is_local()) => {
                        Ok(Location::File(path))
                    }
                    _ => remote(address).map(Location::Remote),
                }
            }
        }
    }

    /// Returns who sends the requests; `None` for a source on this machine.
    pub fn http(&self) -> Option<&RegistryClient> {
        match self {
            Self::Hcp(hcp) => Some(&hcp.http),
            Self::VagrantCloud(cloud) => Some(&cloud.http),
            Self::Catalog(catalog) => catalog.http.as_ref(),
            Self::Installed(_) => None,
        }
    }
}

/// A server that refuses to answer a question that is not its own may answer the next one.
///
/// # Errors
/// Any other failure.
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

/// Runs what reads folders where it may block.
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
            "its address {address:?} is no http or https address"
        ))
    })
}

/// A path, or an address that begins with `file:`.
fn local(from: &str) -> Option<PathBuf> {
    match Url::parse(from) {
        Ok(url) if url.scheme() == "file" => url.to_file_path().ok(),
        Ok(_) => None,
        // No address: a path. One that is not there is told by whoever opens it.
        Err(_) => Some(PathBuf::from(from)),
    }
}

/// The address below a base, each part encoded.
fn below<'a>(base: &Url, parts: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(parts);
    }
    url
}

/// An address without anything that could authorise by itself, as it is kept.
fn without_secrets(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}
