//! Reads the box that a version of the artifact type `vagrant.box` describes, and adds it to a box.

use std::time::SystemTime;

use super::provider::unknown_architecture;
use super::{BoxNumber, BoxNumberError, HostedFile, ProviderChange, ProviderKey, VagrantBox};
use crate::domain::{Metadata, Name, NameError};

/// The box version and the provider that the metadata of an artifact version describes.
// Contract: boxes.from-artifact
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PushedBox {
    provider: Name,
    architecture: Name,
    /// The version; `None` lets the minor number count up.
    version: Option<BoxNumber>,
    description: Option<String>,
}

/// The error for metadata that describes no box.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PushedBoxError {
    /// Vagrant could not use a box without a provider (contract: Versions; thread).
    // Contract: versions.box-needs-provider
    #[error("Metadata must have 'provider' key")]
    NoProvider,
    #[error("the metadata key 'provider': {0}")]
    Provider(NameError),
    #[error("the metadata key 'architecture': {0}")]
    Architecture(NameError),
    #[error("the metadata key 'version': {0}")]
    Version(#[from] BoxNumberError),
}

impl PushedBox {
    /// Reads the keys `provider`, `architecture`, `version` and `description`.
    ///
    /// # Errors
    /// When there is no provider, or a value cannot be one of a box.
    pub(crate) fn of(metadata: &Metadata) -> Result<Self, PushedBoxError> {
        let provider = metadata.get("provider").ok_or(PushedBoxError::NoProvider)?;
        let architecture = metadata.get("architecture").filter(|text| !text.is_empty());
        let architecture = architecture.map(str::parse).transpose();
        let version = metadata.get("version").filter(|text| !text.is_empty());
        Ok(Self {
            provider: provider.parse().map_err(PushedBoxError::Provider)?,
            architecture: architecture
                .map_err(PushedBoxError::Architecture)?
                .unwrap_or_else(unknown_architecture),
            version: version.map(str::parse).transpose()?,
            description: metadata.get("description").map(str::to_owned),
        })
    }

    /// Adds the pushed version to a box, or its provider to the version that exists already. The
    /// version is active: a client of the artifact API has no call to release it.
    pub(crate) fn add_to(&self, to: &mut VagrantBox, file: HostedFile, now: SystemTime) {
        let number = self.version.clone().unwrap_or_else(|| next_number(to));
        to.updated = now;
        let version = to.versions.entry(number);
        let version = version.or_insert_with(|| super::BoxVersion::new(String::new(), now));
        if let Some(description) = &self.description {
            version.description.clone_from(description);
        }
        let change = ProviderChange {
            architecture: Some(self.architecture.clone()),
            ..ProviderChange::default()
        };
        let key: ProviderKey = version.put_provider(self.provider.clone(), change, now);
        if let Ok(provider) = version.provider_mut(&key) {
            provider.host(file, now);
        }
        // Fails for a version that is active already, which stays so.
        let _ = version.release(now);
    }
}

/// Returns the number after that of the highest version.
// Contract: boxes.artifact-numbers, silent.box-from-artifact
fn next_number(of: &VagrantBox) -> BoxNumber {
    match of.versions().next() {
        Some((highest, _)) => highest.next_minor(),
        None => BoxNumber::first(),
    }
}
