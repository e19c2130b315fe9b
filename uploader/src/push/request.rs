//! The request of a push says which version to create, and from which files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::blocking::blocking;
use super::pack::{self, BoxMetadata};
use crate::base::digest::Digest;
use crate::base::error::{Cause, Error, Phase};
use crate::base::reporter::Silent;
use crate::base::slug::{ArtifactName, ArtifactType};

/// A version to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// The artifact, which is created when it does not exist.
    #[serde(with = "crate::base::slug::text")]
    pub name: ArtifactName,
    /// The artifact type of the version.
    #[serde(with = "crate::base::slug::text")]
    pub artifact_type: ArtifactType,
    /// The version's id, which names it outside Atlas; [`pack::default_id`] of the paths when absent. An empty
    /// id is valid: some of Packer's artifacts have an empty id.
    pub id: Option<String>,
    /// The files and folders that become the version's file; empty for a version without a file.
    #[serde(with = "crate::files::serde_path::list")]
    pub paths: Vec<PathBuf>,
    /// The packing options.
    pub packing: pack::Options,
    /// The metadata.
    pub metadata: BTreeMap<String, String>,
    /// The number of the build that the version belongs to, or 0.
    pub build_id: u64,
    /// The number of the compilation that the version belongs to, or 0.
    pub compile_id: u64,
    /// A value that no other push has, such as a UUID. It is stored in the metadata under
    /// [`IDEMPOTENCY_KEY`](super::IDEMPOTENCY_KEY), together with the digest of the file, so that the version
    /// can be found after a lost reply. `None` adds neither.
    #[serde(rename = "mark")]
    pub idempotency_key: Option<String>,
    /// Whether to push nothing when the latest version has the same id, metadata and bytes.
    pub skip_existing: bool,
    /// Whether to read the version back and compare it.
    pub verify: bool,
}

impl Push {
    /// Checks the request as far as possible without a server, and returns the version's id.
    ///
    /// # Errors
    /// [`Phase::Configure`] when there is neither a path nor an id; [`Phase::Pack`] for paths that do not exist
    /// or have no common folder.
    pub fn check(&self) -> Result<String, Error> {
        pack::check(&self.paths, &self.packing).map_err(|cause| Error::new(Phase::Pack, cause))?;
        let default = || pack::default_id(&self.paths);
        let id = self.id.clone().or_else(default);
        id.ok_or_else(|| {
            let reason = if self.paths.is_empty() {
                "nothing to push: give a path, an id, or both"
            } else {
                "the path has no name that could be the id: give an id"
            };
            Error::new(Phase::Configure, Cause::Usage(reason.to_owned()))
        })
    }
}

impl Push {
    /// Returns the digest of the bytes that this push would send; `None` without a file. The files are packed for it.
    ///
    /// # Errors
    /// [`Phase::Pack`] for files that cannot be packed.
    pub async fn digest(&self) -> Result<Option<Digest>, Error> {
        let (paths, options) = (self.paths.clone(), self.packing.clone());
        let packed = blocking(move || pack::pack(&paths, &options, &Silent)).await?;
        let payload = packed.map_err(|cause| Error::new(Phase::Pack, cause))?;
        Ok(payload.and_then(|payload| payload.digest()))
    }

    /// Checks whether Vagrant could use the file of this push, if its type is that of a Vagrant box; see
    /// [`pack::check_box`]. Returns what the box says of itself; `None` for another type. A push does not call this by
    /// itself.
    ///
    /// # Errors
    /// [`Phase::Pack`] for a box that Vagrant could not use.
    pub async fn check_box(&self) -> Result<Option<BoxMetadata>, Error> {
        if !self.artifact_type.is_vagrant_box() {
            return Ok(None);
        }
        let (paths, options) = (self.paths.clone(), self.packing.clone());
        let checked = blocking(move || pack::check_box(&paths, &options)).await?;
        checked.map_err(|cause| Error::new(Phase::Pack, cause))
    }
}
