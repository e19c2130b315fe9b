//! The request of a publication says which file becomes what part of which box.

use std::path::PathBuf;

use atlas_common::gem_version::is_gem_version;
use serde::{Deserialize, Serialize};

use crate::base::error::{Cause, Error, Phase};
use crate::base::slug::ArtifactName;
use crate::boxes::checksum::Checksum;
use crate::boxes::model::UNKNOWN_ARCHITECTURE;
use crate::boxes::service::{Api, BoxDetails, FilePlace};
use crate::push::pack::BoxMetadata;

/// A file to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// The box, which is created when it does not exist.
    #[serde(with = "crate::base::slug::text")]
    pub name: ArtifactName,
    /// The version, which is created when it does not exist.
    pub version: String,
    /// The provider; `None` for that in the box's own metadata.
    pub provider: Option<String>,
    /// The architecture; `None` for that in the box's own metadata.
    pub architecture: Option<String>,
    /// The file, or the address at which its owner hosts it.
    pub source: BoxSource,
    /// The descriptions that the box gets.
    pub details: BoxDetails,
    /// The description that the version gets.
    pub version_description: Option<String>,
    /// Whether the file is for hosts of an unknown architecture.
    pub default_architecture: Option<bool>,
    /// The checksum of the file. Without one, the SHA-256 of a local file is told.
    #[serde(flatten)]
    pub checksum: Option<Checksum>,
    /// Whether to release the version.
    pub release: bool,
    /// Whether the bytes go to the service's store, and not through the service itself.
    pub direct: bool,
    /// Whether to replace another file that is published there.
    pub replace: bool,
    /// Whether to check first that Vagrant can use the file.
    pub check: bool,
}

/// The source of a published file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoxSource {
    /// A local file, which is uploaded.
    File(#[serde(with = "crate::files::serde_path::one")] PathBuf),
    /// An address to which the service only points.
    Url(String),
}

impl Publish {
    /// Checks what can be checked without a file and a server.
    ///
    /// # Errors
    /// [`Phase::Configure`] for a version that Vagrant cannot parse.
    pub fn check_version(&self) -> Result<(), Error> {
        if is_gem_version(&self.version) {
            return Ok(());
        }
        let version = &self.version;
        let reason = format!(
            "{version:?} is not a version that Vagrant can parse, such as 1.2.0; one such version makes the whole box unusable"
        );
        Err(Error::new(Phase::Configure, Cause::Usage(reason)))
    }

    /// Returns the place that the file gets.
    ///
    /// # Errors
    /// [`Phase::Configure`] if neither the request nor the box names the provider.
    pub(super) fn place(
        &self,
        api: Api,
        metadata: Option<&BoxMetadata>,
    ) -> Result<FilePlace, Error> {
        let of_box = |field: fn(&BoxMetadata) -> &Option<String>| {
            metadata.and_then(|metadata| field(metadata).clone())
        };
        let provider = self.provider.clone();
        let provider = provider.or_else(|| of_box(|metadata| &metadata.provider));
        let provider = provider.ok_or_else(|| {
            let reason = "neither the arguments nor the box's metadata.json name a provider";
            Error::new(Phase::Configure, Cause::Usage(reason.to_owned()))
        })?;
        let architecture = match api {
            // A server of v1 may not know the addresses with an architecture.
            Api::V1 => self.architecture.clone(),
            Api::V2 | Api::Hcp => {
                let own = self.architecture.clone();
                let found = own.or_else(|| of_box(|metadata| &metadata.architecture));
                Some(found.unwrap_or_else(|| UNKNOWN_ARCHITECTURE.to_owned()))
            }
        };
        Ok(FilePlace {
            name: self.name.clone(),
            version: self.version.clone(),
            provider,
            architecture,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(provider: Option<&str>, architecture: Option<&str>) -> Publish {
        Publish {
            name: "acme/web".parse().unwrap(),
            version: "1.0.0".to_owned(),
            provider: provider.map(str::to_owned),
            architecture: architecture.map(str::to_owned),
            source: BoxSource::Url("https://files.test/web.box".to_owned()),
            details: BoxDetails::default(),
            version_description: None,
            default_architecture: None,
            checksum: Checksum::from_reply(Some("md5"), Some("ab")),
            release: true,
            direct: true,
            replace: false,
            check: true,
        }
    }

    #[test]
    fn the_place_comes_from_the_request_or_from_the_box_and_v1_gets_no_architecture_that_it_was_not_told()
     {
        let metadata = BoxMetadata {
            provider: Some("libvirt".to_owned()),
            architecture: Some("arm64".to_owned()),
            ..BoxMetadata::default()
        };
        let place = |request: &Publish, api, metadata| {
            let place = request.place(api, metadata);
            place.map_or_else(|error| error.to_string(), |place| place.to_string())
        };
        let (bare, told) = (request(None, None), request(Some("qemu"), Some("amd64")));
        let own = Some(&metadata);
        assert_eq!(place(&bare, Api::V2, own), "acme/web 1.0.0 libvirt/arm64");
        assert_eq!(place(&bare, Api::V1, own), "acme/web 1.0.0 libvirt");
        assert_eq!(place(&told, Api::Hcp, own), "acme/web 1.0.0 qemu/amd64");
        assert_eq!(place(&told, Api::V1, own), "acme/web 1.0.0 qemu/amd64");
        assert_eq!(
            place(&request(Some("qemu"), None), Api::V2, None),
            "acme/web 1.0.0 qemu/unknown"
        );
        let refused = place(&bare, Api::V2, None);
        assert!(refused.contains("name a provider"), "{refused}");
    }

    #[test]
    fn a_request_is_read_back_as_it_was_written() {
        let all = request(Some("qemu"), None);
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Publish>(&text).unwrap(), all);
        let none = Publish {
            checksum: None,
            source: BoxSource::File("web.box".into()),
            ..all
        };
        let text = serde_json::to_string(&none).unwrap();
        assert_eq!(serde_json::from_str::<Publish>(&text).unwrap(), none);
    }

    #[test]
    fn a_version_that_would_spoil_the_box_is_refused() {
        request(None, None).check_version().unwrap();
        let bad = Publish {
            version: "v1".to_owned(),
            ..request(None, None)
        };
        assert!(bad.check_version().is_err());
    }
}
