//! One file to mirror: it is kept if it is in place, and fetched otherwise.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::origin::{ArtifactOrigin, Verified, verify};
use crate::api::{Client, content_digest};
use crate::base::digest::Digest;
use crate::base::error::{Cause, Error, Phase};
use crate::boxes::Outcome;
use crate::boxes::fetch::{Fetch, Meter, remove_leftovers};
use crate::boxes::tree::artifacts::{
    ArtifactRecord, ArtifactVersion, FileCopy, TypeRecord, VersionName,
};

/// The names that the versions of a type share.
pub(super) struct Names {
    owner: String,
    name: String,
    artifact_type: String,
}

impl Names {
    pub(super) fn new(record: &ArtifactRecord, of_type: &TypeRecord) -> Self {
        Self {
            owner: record.owner.clone(),
            name: record.name.clone(),
            artifact_type: of_type.name.clone(),
        }
    }

    pub(super) fn version(&self, number: u64) -> VersionName<'_> {
        VersionName {
            owner: &self.owner,
            name: &self.name,
            artifact_type: &self.artifact_type,
            number,
        }
    }
}

/// A file to mirror.
pub(super) struct Job {
    of: Arc<Names>,
    number: u64,
    root: Arc<Path>,
    /// The digest that the push left in the metadata.
    digest: Option<Digest>,
    /// The copy of an earlier run.
    known: Option<FileCopy>,
}

impl Job {
    pub(super) fn new(
        of: Arc<Names>,
        root: Arc<Path>,
        version: &ArtifactVersion,
        known: Option<&ArtifactVersion>,
    ) -> Self {
        Self {
            of,
            number: version.number,
            root,
            digest: content_digest::of(&version.metadata),
            known: known.and_then(|known| known.file.clone()),
        }
    }

    pub(super) fn name(&self) -> VersionName<'_> {
        self.of.version(self.number)
    }

    /// Returns `USER/NAME/TYPE/VERSION`.
    pub(super) fn label(&self) -> String {
        self.name().to_string()
    }

    /// Returns the file's path below the root, and its path.
    fn place(&self) -> Result<(String, PathBuf), Cause> {
        let relative = self.name().path().map_err(Cause::Unpackable)?;
        let path = self.root.join(&relative);
        Ok((relative, path))
    }

    /// Returns whether a file is in place.
    pub(super) async fn is_there(&self) -> Result<bool, Cause> {
        let (_, path) = self.place()?;
        Ok(tokio::fs::metadata(&path).await.is_ok())
    }

    /// Fetches the file if it is missing. Returns the job with the outcome, and the copy if it is a new one.
    pub(super) async fn run(
        self,
        client: &Client,
        meter: &Meter,
    ) -> (Self, (Outcome, Option<FileCopy>)) {
        let fetched = self.outcome(client, meter).await;
        let fetched = fetched.unwrap_or_else(|cause| {
            let name = self.label();
            (
                Outcome::Failed(Error::new(Phase::Fetch { name }, cause)),
                None,
            )
        });
        (self, fetched)
    }

    async fn outcome(
        &self,
        client: &Client,
        meter: &Meter,
    ) -> Result<(Outcome, Option<FileCopy>), Cause> {
        let (relative, path) = self.place()?;
        let there = tokio::fs::metadata(&path).await.ok();
        match (there, &self.known, self.digest) {
            (Some(there), Some(known), _) if there.len() == known.size => {
                remove_leftovers(&path).await?;
                let bytes = known.size;
                return Ok((Outcome::Present { bytes }, None));
            }
            (Some(_), Some(_), _) => {
                let reason = "the file's size has changed since it was fetched; delete the file to fetch it again";
                return Err(Cause::file(&path, std::io::Error::other(reason)));
            }
            // A killed run or a person put the file there.
            (Some(_), None, Some(digest)) => {
                let verified = taken(&path, digest).await?;
                remove_leftovers(&path).await?;
                let bytes = verified.size;
                return Ok((Outcome::Present { bytes }, Some(copy(relative, &verified))));
            }
            // Without a digest, nothing proves that a file which no record names is the right one.
            (Some(_), None, None) | (None, _, _) => {}
        }
        let url = self.url(client)?;
        let origin = ArtifactOrigin {
            client,
            url,
            digest: self.digest,
        };
        let fetch = Fetch {
            origin: &origin,
            path: &path,
            meter,
        };
        let verified = fetch.run().await?;
        let bytes = verified.size;
        Ok((Outcome::Fetched { bytes }, Some(copy(relative, &verified))))
    }

    fn url(&self, client: &Client) -> Result<url::Url, Cause> {
        let name = format!("{}/{}", self.of.owner, self.of.name);
        let unusable = |error: crate::base::slug::SlugError| Cause::Internal(error.to_string());
        let name = name.parse().map_err(unusable)?;
        let artifact_type = self.of.artifact_type.parse().map_err(unusable)?;
        Ok(client.file_url(&name, &artifact_type, self.number))
    }
}

/// Verifies a file that is in place.
///
/// # Errors
/// [`Cause::Differs`], and when the file cannot be read.
async fn taken(path: &Path, digest: Digest) -> Result<Verified, Cause> {
    match verify(path, Some(digest)).await {
        Err(Cause::Differs(_)) => Err(Cause::Differs(format!(
            "{} exists, and does not match the source's digest; move it away to fetch it",
            path.display()
        ))),
        verified => verified,
    }
}

fn copy(path: String, verified: &Verified) -> FileCopy {
    FileCopy {
        path,
        size: verified.size,
        blake3: verified.blake3.hex(),
        sha256: verified.sha256.hex(),
        verified: verified.is_compared,
    }
}
