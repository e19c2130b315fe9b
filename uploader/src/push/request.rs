//! The request of a push: which version is to be made, and of what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::blocking::blocking;
use super::pack;
use crate::base::error::{Cause, Error, Phase};
use crate::base::slug::{ArtifactName, ArtifactType};

/// One version to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// The artifact; made when it is not there.
    #[serde(with = "crate::base::slug::text")]
    pub name: ArtifactName,
    /// The type the version is kept under.
    #[serde(with = "crate::base::slug::text")]
    pub artifact_type: ArtifactType,
    /// What the version is called outside Atlas; without one, [`pack::default_id`] of the paths. An
    /// empty one is one too: some of what Packer makes has no other.
    pub id: Option<String>,
    /// Files and folders that become its file; none for a version without.
    #[serde(with = "crate::files::serde_path::list")]
    pub paths: Vec<PathBuf>,
    /// How they are packed.
    pub packing: pack::Options,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
    /// The build it belongs to; 0 is none.
    pub build_id: u64,
    /// The compilation it belongs to; 0 is none.
    pub compile_id: u64,
    /// A value no other push has, such as a UUID: it goes into the metadata under [`IDEMPOTENCY_KEY`](super::IDEMPOTENCY_KEY),
    /// together with the digest of the file, so that the version is known again after a lost reply.
    /// `None` adds nothing.
    #[serde(rename = "mark")]
    pub idempotency_key: Option<String>,
    /// Whether to push nothing when the latest version has the same id, metadata and bytes.
    pub skip_existing: bool,
    /// Whether to read the version back and compare it.
    pub verify: bool,
}

impl Push {
    /// Looks at what can be seen without a server, and returns the version's id.
    ///
    /// # Errors
    /// [`Phase::Configure`] when there is neither a path nor an id; [`Phase::Pack`] for paths that
    /// are not there or have no common folder.
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
    /// Looks whether Vagrant could use what would be sent, where that is a box; see
    /// [`pack::check_box`]. No push does so by itself.
    ///
    /// # Errors
    /// [`Phase::Pack`] for a box that Vagrant could not use.
    pub async fn check_box(&self) -> Result<(), Error> {
        if !self.artifact_type.is_vagrant_box() {
            return Ok(());
        }
        let (paths, options) = (self.paths.clone(), self.packing.clone());
        let checked = blocking(move || pack::check_box(&paths, &options)).await?;
        checked.map_err(|cause| Error::new(Phase::Pack, cause))
    }
}
