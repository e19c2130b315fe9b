//! The pipeline of a push, in the order of Packer's post-processor: look at the files, verify the
//! token, pack, find or make the artifact, make the version, send the bytes.
//!
//! Whatever breaks on the way, there is one version that everybody sees, or none: `version` makes
//! it, `upload` sends its bytes, `marks` are what it is known by, `existing` compares with what is
//! there. How far a push came stands in a [`ReceiptFile`], from which [`proceed`] goes on.

mod existing;
mod idempotency_key;
pub mod pack;
pub mod receipt;
mod run;
mod upload;
mod version;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize, Serializer};

use crate::api::Client;
use crate::base::digest::{Algorithm, Digest};
use crate::base::error::{Cause, Error, Phase};
use crate::base::reporter::Event;
use crate::base::slug::{ArtifactName, ArtifactType};
use crate::push::receipt::{Entry, ReceiptFile, State};
pub use idempotency_key::MARK_KEY;
pub(crate) use idempotency_key::digest_left;
use pack::Payload;
use run::Run;

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
    /// A value no other push has, such as a UUID: it goes into the metadata under [`MARK_KEY`],
    /// together with the digest of the file, so that the version is known again after a lost reply.
    /// `None` adds nothing.
    pub mark: Option<String>,
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

/// What a push did. Serialised it is one flat object; it never holds the upload URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// `user/name/type/version`.
    pub slug: String,
    /// The version's number.
    pub version: u64,
    /// `blake3:` and 64 hex digits of the bytes as they were sent; null without a file, and when
    /// none was wanted.
    pub digest: Option<String>,
    /// How many bytes that were; 0 without a file.
    pub bytes: u64,
    /// How long each phase took.
    pub timings: Timings,
    /// How often the bytes were sent; 0 without a file.
    pub attempts: u32,
    /// Whether it was there already, and nothing was pushed.
    pub skipped: bool,
    /// Whether it was read back and compared.
    pub verified: bool,
    /// How many versions this push may have left that await their bytes forever. Nobody sees them.
    pub possible_orphans: u32,
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

/// Makes one version, and keeps no receipt.
///
/// # Errors
/// Those of [`proceed`].
pub async fn push(client: &Client, push: &Push) -> Result<Receipt, Error> {
    proceed(client, &mut ReceiptFile::unsaved(vec![push.clone()]), 0).await
}

/// Goes on with one push of a receipt, from wherever it stands; nothing is left to do when it is
/// done. It may be dropped at any await: the receipt says how far it came.
///
/// # Errors
/// See [`Phase`]. In [`Phase::Upload`] the version exists and awaits its bytes, unless
/// [`Error::is_arrival_unknown`]; with [`Cause::InDoubt`] it may exist; with [`Cause::Changed`] the files are not those that the push
/// began with.
pub async fn proceed(
    client: &Client,
    file: &mut ReceiptFile,
    index: usize,
) -> Result<Receipt, Error> {
    let Some(Entry { push, .. }) = file.entries().get(index).cloned() else {
        let cause = Cause::Internal(format!("there is no push number {index}"));
        return Err(Error::new(Phase::Receipt, cause));
    };
    // Before a server can repeat what an earlier run has told it.
    for entry in file.entries() {
        if let State::Sending { upload_path, .. } = &entry.state {
            let shown = format!("{}/{}", entry.push.name, entry.push.artifact_type);
            client.hide(upload_path, &shown);
        }
    }
    let checked = push.clone();
    let mut run = Run {
        client,
        file,
        index,
        push,
        id: String::new(),
        content: None,
        timings: Timings::default(),
    };
    if let State::Done { version } = run.entry().state {
        run.content = run.entry().content.clone();
        let slug = run.slug(version);
        client
            .reporter()
            .report(Event::AlreadyThere { slug: &slug });
        return Ok(run.receipt(version, 0));
    }
    run.id = blocking(move || checked.check()).await??;
    if !client.is_authenticated() {
        timed(&mut run.timings.authenticate, client.authenticate()).await?;
    }
    let packing = packed(client, &run.push);
    let payload = timed(&mut run.timings.pack, packing).await?;
    run.look_at(payload.as_ref()).await?;
    run.finish(payload).await
}

async fn packed(client: &Client, push: &Push) -> Result<Option<Payload>, Error> {
    let (paths, options) = (push.paths.clone(), push.packing.clone());
    let reporter = client.shared_reporter();
    let packed = blocking(move || pack::pack(&paths, &options, &*reporter)).await?;
    packed.map_err(|cause| Error::new(Phase::Pack, cause))
}

/// The payload's digest by this algorithm, for which it may have to be read.
async fn digest_in(payload: &Payload, algorithm: Algorithm) -> Result<Digest, Error> {
    let payload = payload.clone();
    let digest = blocking(move || payload.digest_in(algorithm)).await?;
    digest.map_err(|error| Error::new(Phase::Pack, Cause::Unpackable(error.to_string())))
}

async fn ensure_artifact(client: &Client, name: &ArtifactName) -> Result<(), Error> {
    match client.artifact(name).await {
        Err(error) if error.status() == Some(404) => {}
        found => return found.map(|_| ()),
    }
    client.reporter().report(Event::CreatingArtifact(name));
    match client.create_artifact(name).await {
        // Somebody else may have made it between the two calls, or we ourselves in an attempt whose
        // reply was lost or garbled; if not, the refusal stands.
        Err(refused) if is_taken(&refused) => {
            client.artifact(name).await.map_err(|_| refused)?;
        }
        created => {
            created?;
        }
    }
    Ok(())
}

fn is_taken(error: &Error) -> bool {
    let is_garbled = matches!(error.cause(), Cause::Reply { .. } | Cause::Page { .. });
    is_garbled || error.status() == Some(422)
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
