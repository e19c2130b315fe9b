//! Vagrant boxes: their versions, and the providers of each version with their files.
//!
//! - `number`: version numbers, in the order of RubyGems
//! - `version`: versions, their status, and the rules for their providers
//! - `group`: the providers of a version grouped by name, as HCP's API has them
//! - `provider`: providers with their sources, checksums and uploads
//! - `query`: searches among boxes
//! - `pushed`: the box that a version of the artifact type `vagrant.box` describes
//! - `difference`: compares a box with itself after a change
//! - `comparison`: compares versions of boxes
//! - `error`: the reasons for which a box cannot be changed
//!
//! A box is a part of the artifact of the same name, and shares its visibility. The bytes of a box
//! belong to versions of the artifact type `vagrant.box`, to which providers refer by number.

mod comparison;
mod difference;
mod error;
mod group;
mod number;
mod provider;
mod pushed;
mod query;
mod version;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use difference::BoxDifference;
pub(crate) use error::BoxError;
pub(crate) use group::ProviderGroup;
pub(crate) use number::BoxNumber;
use number::BoxNumberError;
pub(crate) use provider::{
    BoxProvider, BoxSource, BoxUpload, HostedFile, ProviderChange, ProviderKey,
    unknown_architecture,
};
pub(crate) use pushed::{PushedBox, PushedBoxError};
pub(crate) use query::{BoxFilter, BoxOrder, BoxQuery, BoxSort};
pub(crate) use version::{BoxStatus, BoxVersion};

use super::Metadata;

/// The artifact type whose versions are files of boxes.
pub(crate) const BOX_TYPE: &str = "vagrant.box";

/// A Vagrant box, without its name and its visibility, which are those of its artifact.
// Contract: silent.box-is-artifact
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VagrantBox {
    pub(crate) short_description: String,
    /// The description, in Markdown.
    pub(crate) description: String,
    /// The number of downloads of all files.
    pub(crate) downloads: u64,
    versions: BTreeMap<BoxNumber, BoxVersion>,
    pub(crate) created: SystemTime,
    pub(crate) updated: SystemTime,
}

/// The place of a provider in a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProviderPlace {
    pub(crate) version: BoxNumber,
    pub(crate) key: ProviderKey,
}

impl VagrantBox {
    /// Creates a box without versions.
    pub(crate) fn new(short_description: String, description: String, now: SystemTime) -> Self {
        Self {
            short_description,
            description,
            downloads: 0,
            versions: BTreeMap::new(),
            created: now,
            updated: now,
        }
    }

    /// Returns the versions, the highest first.
    // Contract: boxes.version-order
    pub(crate) fn versions(
        &self,
    ) -> impl DoubleEndedIterator<Item = (&BoxNumber, &BoxVersion)> + ExactSizeIterator {
        self.versions.iter().rev()
    }

    /// Returns the highest active version.
    // Contract: boxes.current-version
    pub(crate) fn current_version(&self) -> Option<(&BoxNumber, &BoxVersion)> {
        self.versions().find(|(_, version)| version.is_active())
    }

    /// Returns a version.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn version(&self, number: &BoxNumber) -> Result<&BoxVersion, BoxError> {
        self.versions.get(number).ok_or(BoxError::NotFound)
    }

    /// Returns a version for a change.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn version_mut(&mut self, number: &BoxNumber) -> Result<&mut BoxVersion, BoxError> {
        self.versions.get_mut(number).ok_or(BoxError::NotFound)
    }

    /// Creates an unreleased version without providers.
    ///
    /// # Errors
    /// [`BoxError::VersionTaken`].
    pub(crate) fn create_version(
        &mut self,
        number: BoxNumber,
        description: String,
        now: SystemTime,
    ) -> Result<&mut BoxVersion, BoxError> {
        match self.versions.entry(number) {
            Entry::Occupied(_) => Err(BoxError::VersionTaken),
            Entry::Vacant(place) => Ok(place.insert(BoxVersion::new(description, now))),
        }
    }

    /// Adds a version as it is, or replaces the one of its number.
    pub(crate) fn insert_version(&mut self, number: BoxNumber, version: BoxVersion) {
        self.versions.insert(number, version);
    }

    /// Gives a version another number.
    ///
    /// # Errors
    /// [`BoxError::NotFound`] and [`BoxError::VersionTaken`].
    pub(crate) fn rename_version(
        &mut self,
        old: &BoxNumber,
        new: BoxNumber,
    ) -> Result<(), BoxError> {
        if *old == new {
            return self.version(old).map(|_| ());
        }
        if self.versions.contains_key(&new) {
            return Err(BoxError::VersionTaken);
        }
        let version = self.delete_version(old)?;
        self.versions.insert(new, version);
        Ok(())
    }

    /// Removes a version and returns it.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn delete_version(&mut self, number: &BoxNumber) -> Result<BoxVersion, BoxError> {
        self.versions.remove(number).ok_or(BoxError::NotFound)
    }

    /// Returns a provider.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn provider(&self, place: &ProviderPlace) -> Result<&BoxProvider, BoxError> {
        self.version(&place.version)?.provider(&place.key)
    }

    /// Refers a provider to a stored file.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn host(
        &mut self,
        place: &ProviderPlace,
        file: HostedFile,
        now: SystemTime,
    ) -> Result<(), BoxError> {
        self.provider_mut(place)?.host(file, now);
        Ok(())
    }

    /// Returns the metadata of the artifact version that holds a provider's file.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn file_metadata(&self, place: &ProviderPlace) -> Result<Metadata, BoxError> {
        let version = self.version(&place.version)?;
        let provider = version.provider(&place.key)?;
        let description = Some(&version.description).filter(|text| !text.is_empty());
        let pairs = [
            ("provider", Some(provider.name.as_str())),
            ("architecture", Some(provider.architecture.as_str())),
            ("version", Some(place.version.as_str())),
            ("description", description.map(String::as_str)),
        ];
        let told = pairs
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        Ok(told.collect())
    }

    /// Begins an upload of a provider's file, which replaces an earlier upload, and returns its id.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn begin_upload(
        &mut self,
        place: &ProviderPlace,
        is_direct: bool,
        now: SystemTime,
    ) -> Result<Uuid, BoxError> {
        let provider = self.provider_mut(place)?;
        Ok(provider.begin_upload(is_direct, now))
    }

    /// Refers a provider to the file of its upload, which is complete then.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn complete_upload(
        &mut self,
        place: &ProviderPlace,
        upload: Uuid,
        file: HostedFile,
        now: SystemTime,
    ) -> Result<(), BoxError> {
        let provider = self.provider_mut(place)?;
        provider.upload_mut(upload)?.is_complete = true;
        provider.host(file, now);
        self.version_mut(&place.version)?.updated = now;
        self.updated = now;
        Ok(())
    }

    /// Returns the place of the provider whose current upload has this id, and the upload.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn upload(&self, id: Uuid) -> Result<(ProviderPlace, &BoxUpload), BoxError> {
        let mut uploads = self.uploads();
        let found = uploads.find(|(_, _, upload)| upload.id == id);
        let (number, provider, upload) = found.ok_or(BoxError::NotFound)?;
        let key = ProviderKey {
            name: provider.name.clone(),
            architecture: Some(provider.architecture.clone()),
        };
        let place = ProviderPlace {
            version: number.clone(),
            key,
        };
        Ok((place, upload))
    }

    /// Returns the current uploads, each with its version and its provider.
    pub(crate) fn uploads(&self) -> impl Iterator<Item = (&BoxNumber, &BoxProvider, &BoxUpload)> {
        self.providers().filter_map(|(number, provider)| {
            let upload = provider.upload.as_ref()?;
            Some((number, provider, upload))
        })
    }

    /// Returns the stored files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &HostedFile> {
        self.providers()
            .filter_map(|(_, provider)| provider.hosted())
    }

    /// Takes a stored file from the provider that refers to it, since it was deleted.
    pub(crate) fn forget_file(&mut self, number: u64) {
        let versions = self.versions.values_mut();
        let providers = versions.flat_map(BoxVersion::providers_mut);
        for provider in providers {
            if provider.hosted().is_some_and(|file| file.number == number) {
                provider.source = BoxSource::Awaited;
                provider.upload = None;
            }
        }
    }

    /// Returns all providers, each with its version.
    pub(crate) fn providers(&self) -> impl Iterator<Item = (&BoxNumber, &BoxProvider)> {
        self.versions.iter().flat_map(|(number, version)| {
            let providers = version.providers().iter();
            providers.map(move |provider| (number, provider))
        })
    }

    fn provider_mut(&mut self, place: &ProviderPlace) -> Result<&mut BoxProvider, BoxError> {
        self.version_mut(&place.version)?.provider_mut(&place.key)
    }
}
