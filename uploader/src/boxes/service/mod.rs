//! A service is a registry to which boxes are published: a server with the API of Vagrant Cloud, v1 or v2, or HCP
//! Vagrant's registry.
//!
//! `detect` determines which API a server speaks; `cloud` and `hcp` send the writes of the two kinds, one attempt
//! each; `search` finds boxes.

mod cloud;
mod detect;
mod hcp;
mod search;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use super::checksum::Checksum;
use super::model::{BoxRecord, VersionState};
use super::registry::{RegistryClient, RegistryOptions};
use super::source::Source;
use crate::base::error::{Cause, Error, Phase};
use crate::base::slug::ArtifactName;
pub use search::{FoundBox, SearchOptions};

/// An API of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// Version 1 of Vagrant Cloud's API, which knew no architectures.
    V1,
    /// Version 2 of Vagrant Cloud's API.
    V2,
    /// HCP Vagrant's registry API (2022-09-30).
    Hcp,
}

impl Api {
    /// Returns the name, as it is given on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Hcp => "hcp",
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Api {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = [Self::V1, Self::V2, Self::Hcp].into_iter();
        let found = all.find(|api| api.name() == text);
        found.ok_or_else(|| format!("{text:?} is not an API: give v1, v2 or hcp"))
    }
}

/// The place of a file: its box, version, provider and architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePlace {
    /// The box.
    #[serde(with = "crate::base::slug::text")]
    pub name: ArtifactName,
    /// The version.
    pub version: String,
    /// The provider.
    pub provider: String,
    /// The architecture; `None` for the provider's default architecture, which only v1 and v2 can mean.
    pub architecture: Option<String>,
}

/// Shows `OWNER/NAME VERSION PROVIDER/ARCHITECTURE`.
impl fmt::Display for FilePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, version, provider) = (&self.name, &self.version, &self.provider);
        write!(f, "{name} {version} {provider}")?;
        match &self.architecture {
            Some(architecture) => write!(f, "/{architecture}"),
            None => Ok(()),
        }
    }
}

/// `BoxDetails` are the descriptions that a publication gives its box; `None` says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoxDetails {
    /// The description in one line.
    pub short_description: Option<String>,
    /// The description in Markdown.
    pub description: Option<String>,
    /// Whether only members see the box.
    pub private: Option<bool>,
}

impl BoxDetails {
    /// Returns whether all that this says is so already.
    pub(super) fn are_those_of(&self, known: &Self) -> bool {
        let same = |told: &Option<String>, known: &Option<String>| {
            told.is_none() || told.as_deref() == Some(known.as_deref().unwrap_or_default())
        };
        same(&self.short_description, &known.short_description)
            && same(&self.description, &known.description)
            && (self.private.is_none() || self.private == known.private)
    }
}

/// `FileDetails` describe the file of a publication; `None` says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FileDetails {
    /// The address at which its owner hosts the file.
    pub(super) url: Option<String>,
    pub(super) checksum: Option<Checksum>,
    /// Whether the file is for hosts of an unknown architecture.
    pub(super) default_architecture: Option<bool>,
}

/// A `VersionFound` describes a version as the service has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VersionFound {
    pub(super) state: VersionState,
    pub(super) description: String,
}

/// A `FileFound` describes a file as the service has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileFound {
    /// Whether the service stores its bytes.
    pub(super) has_bytes: bool,
    /// The address at which its owner hosts it.
    pub(super) url: Option<String>,
    pub(super) checksum: Option<Checksum>,
    pub(super) default_architecture: Option<bool>,
}

/// The addresses of an upload.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UploadTarget {
    /// The address of the bytes, which authorises by itself.
    pub(super) upload_path: String,
    /// The address or object that completes the upload, unless the PUT of the bytes does: the callback of Vagrant
    /// Cloud, or the object of HCP.
    pub(super) completion: Option<String>,
}

impl UploadTarget {
    /// Returns the addresses, which authorise by themselves.
    pub(super) fn addresses(&self) -> impl Iterator<Item = Url> {
        let texts = [Some(&self.upload_path), self.completion.as_ref()];
        texts
            .into_iter()
            .flatten()
            .filter_map(|text| Url::parse(text).ok())
    }
}

/// A service, and the API that it speaks.
pub struct BoxService {
    pub(super) source: Source,
    api: Api,
}

impl BoxService {
    /// Connects to the service at an address. Without an `api`, the server is asked which one it speaks; `name` is a
    /// box that such a request may name. A server of Vagrant Cloud is asked to verify the token in any case.
    ///
    /// # Errors
    /// [`Phase::Boxes`] if the server speaks none of the APIs, or does not accept the token.
    pub async fn connect(
        options: RegistryOptions,
        address: &Url,
        api: Option<Api>,
        name: Option<&ArtifactName>,
    ) -> Result<Self, Error> {
        let connected = detect::connect(options, address, api, name).await;
        let (source, api) = connected.map_err(|cause| Error::new(Phase::Boxes, cause))?;
        Ok(Self { source, api })
    }

    /// Returns the API that the service speaks.
    pub fn api(&self) -> Api {
        self.api
    }

    /// Reads a box with all its versions.
    ///
    /// # Errors
    /// [`Phase::ReadBox`]; status 404 for a box that does not exist, or is hidden.
    pub async fn read(&self, name: &ArtifactName) -> Result<BoxRecord, Error> {
        let phase = Phase::ReadBox {
            name: name.to_string(),
        };
        let read = self.source.record(name.user(), name.name()).await;
        read.map_err(|cause| Error::new(phase, cause))
    }

    pub(super) fn http(&self) -> Result<&RegistryClient, Cause> {
        let none = || Cause::Internal("a service has no address".to_owned());
        self.source.http().ok_or_else(none)
    }
}

/// Calls the same method of the service's API.
macro_rules! of_api {
    ($self:ident . $method:ident ( $($argument:expr),* )) => {
        match &$self.source {
            Source::VagrantCloud(cloud) => cloud.$method($($argument),*).await,
            Source::Hcp(hcp) => hcp.$method($($argument),*).await,
            Source::Catalog(_) | Source::Installed(_) => {
                Err(Cause::Internal("boxes cannot be published there".to_owned()))
            }
        }
    };
}

/// The calls that a publication consists of. Those that write make one attempt.
impl BoxService {
    pub(super) async fn find_box(&self, name: &ArtifactName) -> Result<Option<BoxDetails>, Cause> {
        of_api!(self.find_box(name))
    }

    pub(super) async fn create_box(
        &self,
        name: &ArtifactName,
        details: &BoxDetails,
    ) -> Result<(), Cause> {
        of_api!(self.create_box(name, details))
    }

    pub(super) async fn update_box(
        &self,
        name: &ArtifactName,
        details: &BoxDetails,
    ) -> Result<(), Cause> {
        of_api!(self.update_box(name, details))
    }

    pub(super) async fn find_version(
        &self,
        name: &ArtifactName,
        version: &str,
    ) -> Result<Option<VersionFound>, Cause> {
        of_api!(self.find_version(name, version))
    }

    pub(super) async fn create_version(
        &self,
        name: &ArtifactName,
        version: &str,
        description: Option<&str>,
    ) -> Result<(), Cause> {
        of_api!(self.create_version(name, version, description))
    }

    pub(super) async fn update_version(
        &self,
        name: &ArtifactName,
        version: &str,
        description: &str,
    ) -> Result<(), Cause> {
        of_api!(self.update_version(name, version, description))
    }

    pub(super) async fn find_file(&self, place: &FilePlace) -> Result<Option<FileFound>, Cause> {
        of_api!(self.find_file(place))
    }

    pub(super) async fn create_file(
        &self,
        place: &FilePlace,
        details: &FileDetails,
    ) -> Result<(), Cause> {
        of_api!(self.create_file(place, details))
    }

    pub(super) async fn update_file(
        &self,
        place: &FilePlace,
        details: &FileDetails,
    ) -> Result<(), Cause> {
        of_api!(self.update_file(place, details))
    }

    /// Asks for the addresses of an upload; `direct` for one that goes to the service's store.
    pub(super) async fn upload_target(
        &self,
        place: &FilePlace,
        direct: bool,
    ) -> Result<UploadTarget, Cause> {
        of_api!(self.upload_target(place, direct))
    }

    /// Completes a direct upload.
    pub(super) async fn complete(&self, place: &FilePlace, completion: &str) -> Result<(), Cause> {
        of_api!(self.complete(place, completion))
    }

    /// Sends `release` or `revoke` for a version.
    pub(super) async fn set_state(
        &self,
        name: &ArtifactName,
        version: &str,
        action: &'static str,
    ) -> Result<(), Cause> {
        of_api!(self.set_state(name, version, action))
    }

    /// Deletes a box, one of its versions, or a file: the deepest part that is given.
    pub(super) async fn delete(&self, what: &Deletion) -> Result<(), Cause> {
        of_api!(self.delete(what))
    }
}

/// A part of a box that is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// A box with all its versions.
    Box(ArtifactName),
    /// A version with all its files.
    Version(ArtifactName, String),
    /// One file, or, without an architecture, all files of a provider.
    File(FilePlace),
}

/// Shows the box, and the version, provider and architecture if they are given.
impl fmt::Display for Deletion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Box(name) => name.fmt(f),
            Self::Version(name, version) => write!(f, "{name} {version}"),
            Self::File(place) => place.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_makes_no_difference() {
        let known = BoxDetails {
            short_description: Some(String::new()),
            description: Some("long".to_owned()),
            private: Some(true),
        };
        let told = |description: Option<&str>, private| BoxDetails {
            short_description: None,
            description: description.map(str::to_owned),
            private,
        };
        assert!(told(None, None).are_those_of(&known));
        assert!(told(Some("long"), Some(true)).are_those_of(&known));
        assert!(!told(Some("other"), None).are_those_of(&known));
        assert!(!told(None, Some(false)).are_those_of(&known));
    }
}
