//! The pipeline of a push, in the order of Packer's post-processor: look at the files, verify the
//! token, pack, find or make the artifact, make the version, send the bytes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use crate::client::Client;
use crate::error::{Cause, Error, Phase, RequestLine};
use crate::pack::{self, Payload};
use crate::reporter::Event;
use crate::slug::{ArtifactName, ArtifactType, version_slug};
use crate::wire::{CreatedVersion, NewVersion};

/// One version to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The artifact; made when it is not there.
    pub name: ArtifactName,
    /// The type the version is kept under.
    pub artifact_type: ArtifactType,
    /// What the version is called outside Atlas; without one, [`pack::default_id`] of the paths.
    pub id: Option<String>,
    /// Files and folders that become its file; none for a version without.
    pub paths: Vec<PathBuf>,
    /// How they are packed.
    pub packing: pack::Options,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
    /// The build it belongs to; 0 is none.
    pub build_id: u64,
    /// The compilation it belongs to; 0 is none.
    pub compile_id: u64,
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
        let id = self.id.clone().or_else(default).filter(|id| !id.is_empty());
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

/// What a push did. Serialised it is one flat object; it never holds the upload URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// `user/name/type/version`.
    pub slug: String,
    /// The version's number.
    pub version: u64,
    /// `sha256:` and 64 hex digits of the bytes as they were sent; null without a file, and when
    /// none was wanted.
    pub digest: Option<String>,
    /// How many bytes that were; 0 without a file.
    pub bytes: u64,
    /// How long each phase took.
    pub timings: Timings,
    /// How often the bytes were sent; 0 without a file.
    pub attempts: u32,
}

/// How long each phase took; serialised as whole milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Timings {
    /// Verifying the token.
    #[serde(serialize_with = "milliseconds")]
    pub authenticate: Duration,
    /// Packing and hashing.
    #[serde(serialize_with = "milliseconds")]
    pub pack: Duration,
    /// Finding or making the artifact.
    #[serde(serialize_with = "milliseconds")]
    pub artifact: Duration,
    /// Making the version.
    #[serde(serialize_with = "milliseconds")]
    pub version: Duration,
    /// Sending the bytes, all attempts and the waits between.
    #[serde(serialize_with = "milliseconds")]
    pub upload: Duration,
}

/// Makes one version.
///
/// # Errors
/// See [`Phase`]. In [`Phase::Upload`] the version exists without bytes; in
/// [`Phase::CreateVersion`] it may exist, when the connection broke.
pub async fn push(client: &Client, push: &Push) -> Result<Receipt, Error> {
    let checked = push.clone();
    let id = blocking(move || checked.check()).await??;
    let mut timings = Timings::default();
    timed(&mut timings.authenticate, client.authenticate()).await?;
    let payload = timed(&mut timings.pack, packed(client, push)).await?;
    timed(&mut timings.artifact, ensure_artifact(client, &push.name)).await?;
    let bytes = payload.as_ref().map_or(0, Payload::len);
    client.reporter().report(Event::Uploading { bytes });
    let version = NewVersion {
        build_id: push.build_id,
        compile_id: push.compile_id,
        file: payload.is_some(),
        id: &id,
        metadata: &push.metadata,
    };
    let making = client.create_version(&push.name, &push.artifact_type, &version);
    let created = timed(&mut timings.version, making).await?;
    let slug = version_slug(&push.name, &push.artifact_type, created.version);
    let attempts = match &payload {
        Some(payload) => timed(&mut timings.upload, send(client, &slug, &created, payload)).await?,
        None => 0,
    };
    Ok(Receipt {
        slug,
        version: created.version,
        digest: payload
            .and_then(|payload| payload.digest())
            .map(|digest| digest.to_string()),
        bytes,
        timings,
        attempts,
    })
}

async fn packed(client: &Client, push: &Push) -> Result<Option<Payload>, Error> {
    let (paths, options) = (push.paths.clone(), push.packing.clone());
    let reporter = client.shared_reporter();
    let packed = blocking(move || pack::pack(&paths, &options, &*reporter)).await?;
    packed.map_err(|cause| Error::new(Phase::Pack, cause))
}

async fn ensure_artifact(client: &Client, name: &ArtifactName) -> Result<(), Error> {
    match client.artifact(name).await {
        Err(error) if error.status() == Some(404) => {}
        found => return found.map(|_| ()),
    }
    client.reporter().report(Event::CreatingArtifact(name));
    match client.create_artifact(name).await {
        // Somebody else may have made it between the two calls; if not, the refusal stands.
        Err(refused) if refused.status() == Some(422) => {
            client.artifact(name).await.map_err(|_| refused)?;
        }
        created => {
            created?;
        }
    }
    Ok(())
}

async fn send(
    client: &Client,
    slug: &str,
    created: &CreatedVersion,
    payload: &Payload,
) -> Result<u32, Error> {
    match &created.upload_path {
        Some(path) => client.upload(slug, path, payload).await,
        None => {
            let request = RequestLine {
                method: "PUT",
                url: "upload_path".to_owned(),
            };
            let detail = "the server gave none".to_owned();
            let bytes = payload.len();
            let slug = slug.to_owned();
            Err(Error::new(
                Phase::Upload { slug, bytes },
                Cause::Reply { request, detail },
            ))
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::new(Phase::Pack, Cause::Internal(error.to_string())))
}

async fn timed<T>(slot: &mut Duration, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let result = work.await;
    *slot = start.elapsed();
    result
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(duration.as_millis())
}
