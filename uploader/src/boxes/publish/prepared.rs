//! Reads the file of a publication before anything is sent: what its metadata says, and its checksum.

use std::path::{Path, PathBuf};

use super::request::{BoxSource, Publish};
use crate::base::digest::Algorithm;
use crate::base::error::{Cause, Error, Phase};
use crate::boxes::checksum::{Checksum, ChecksumKind};
use crate::push::pack::{self, BoxMetadata, Payload};
use crate::push::receipt::Content;

/// A file that was read, or the address of one that its owner hosts.
pub struct PreparedFile {
    /// The content of the box's `metadata.json`; `None` without a local file, and for a file that was not to be checked and
    /// is no box.
    pub metadata: Option<BoxMetadata>,
    /// The checksum to tell the service.
    pub checksum: Option<Checksum>,
    pub(super) local: Option<LocalBox>,
}

/// A local file and its bytes.
pub(super) struct LocalBox {
    pub(super) path: PathBuf,
    pub(super) payload: Payload,
}

impl PreparedFile {
    /// Reads the file of a request.
    ///
    /// # Errors
    /// [`Phase::Pack`] for a file that Vagrant could not use, or that is for another provider; [`Cause::Differs`] for one
    /// with another checksum than was told. [`Phase::Configure`] for an invalid version.
    pub async fn of(request: &Publish) -> Result<Self, Error> {
        request.check_version()?;
        let request = request.clone();
        let read = tokio::task::spawn_blocking(move || Self::read(&request)).await;
        let read = read.unwrap_or_else(|error| Err(Cause::Internal(error.to_string())));
        read.map_err(|cause| Error::new(Phase::Pack, cause))
    }

    fn read(request: &Publish) -> Result<Self, Cause> {
        let BoxSource::File(path) = &request.source else {
            return Ok(Self {
                metadata: None,
                checksum: request.checksum.clone(),
                local: None,
            });
        };
        let metadata = match BoxMetadata::of_file(path) {
            Ok(metadata) => Some(metadata),
            Err(Cause::Unpackable(_)) if !request.check => None,
            Err(cause) => return Err(cause),
        };
        if let (true, Some(metadata)) = (request.check, &metadata) {
            check_provider(path, request.provider.as_deref(), metadata)?;
        }
        let payload = pack::unchanged(path, Algorithm::Sha256)?;
        let checksum = match &request.checksum {
            Some(told) => {
                check_checksum(path, told)?;
                told.clone()
            }
            None => sha256(&payload)?,
        };
        Ok(Self {
            metadata,
            checksum: Some(checksum),
            local: Some(LocalBox {
                path: path.clone(),
                payload,
            }),
        })
    }

    /// Returns the size of the local file in bytes, and its digest.
    pub(super) fn content(&self) -> Option<Content> {
        let payload = &self.local.as_ref()?.payload;
        Some(Content {
            digest: payload.digest().map(|digest| digest.to_string()),
            bytes: payload.len(),
        })
    }
}

fn sha256(payload: &Payload) -> Result<Checksum, Cause> {
    let digest = payload.digest_in(Algorithm::Sha256);
    let digest = digest.map_err(|error| Cause::Unpackable(error.to_string()))?;
    Ok(Checksum {
        kind: ChecksumKind::Sha256,
        value: digest.hex(),
    })
}

/// Compares the provider with that of the box: `vagrant box add` refuses a box that names another one.
fn check_provider(path: &Path, told: Option<&str>, metadata: &BoxMetadata) -> Result<(), Cause> {
    let path = path.display();
    match (told, metadata.provider.as_deref()) {
        (Some(told), Some(own)) if told != own => Err(Cause::Unpackable(format!(
            "{path}: its metadata.json names the provider {own}, and Vagrant would refuse it as a box for {told}"
        ))),
        (_, None) => Err(Cause::Unpackable(format!(
            "{path}: is not a Vagrant box: its metadata.json names no provider"
        ))),
        _ => Ok(()),
    }
}

fn check_checksum(path: &Path, told: &Checksum) -> Result<(), Cause> {
    let computed = told.kind.of_file(path);
    let (here, _) = computed.map_err(|error| Cause::file(path, error))?;
    if here == *told {
        return Ok(());
    }
    let (path, kind) = (path.display(), told.kind.name());
    Err(Cause::Differs(format!(
        "{path}: the {kind} given is {}, and the file has {}",
        told.value, here.value
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_for_another_provider_is_refused_and_so_is_one_that_names_none() {
        let metadata = |provider: Option<&str>| BoxMetadata {
            provider: provider.map(str::to_owned),
            ..BoxMetadata::default()
        };
        let check = |told: Option<&str>, own: Option<&str>| {
            check_provider(Path::new("web.box"), told, &metadata(own)).is_ok()
        };
        assert!(check(Some("libvirt"), Some("libvirt")));
        assert!(check(None, Some("libvirt")));
        assert!(!check(Some("virtualbox"), Some("libvirt")));
        assert!(!check(Some("virtualbox"), None));
    }
}
