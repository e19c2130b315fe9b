//! Pushes the artifact that Packer built.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use uuid::Uuid;

use super::configuration::Configured;
use super::host::Host;
use super::protocol::CallError;
use crate::base::error::{Cause, Error, Phase};
use crate::files::receipt::TEMPORARY;
use crate::files::temporary;
use crate::push::pack::{self, Options, Payload};
use crate::push::receipt::ReceiptFile;
use crate::push::resume;
use crate::push::{Push, PushOutcome, proceed};

/// The key under which builders keep metadata for Atlas.
const METADATA: &str = "atlas.artifact.metadata";

/// The artifact that Packer built, as the plugin read it.
pub(super) struct BuiltArtifact {
    id: String,
    files: Vec<PathBuf>,
    metadata: BTreeMap<String, String>,
}

impl BuiltArtifact {
    /// Asks Packer for the id, the files and the metadata of the artifact.
    pub(super) async fn fetch(packer: &Host) -> Result<Self, CallError> {
        Ok(Self {
            id: packer.id().await?,
            files: packer.files().await?,
            metadata: packer.state(METADATA).await?,
        })
    }
}

/// The path of the receipt of an unfinished push; it survives a push that is cancelled.
#[derive(Default)]
pub(super) struct SavedReceipt(OnceLock<PathBuf>);

impl SavedReceipt {
    /// Returns the command that resumes the push, if its receipt exists.
    pub(super) fn how_to_resume(&self) -> Option<String> {
        let receipt = self.0.get().filter(|receipt| receipt.exists())?;
        Some(format!(
            "finish the push with: {}",
            resume::command(receipt)
        ))
    }
}

/// Fails, before the build starts, when the folder for receipts does not exist.
pub(super) async fn check_folder(folder: &Path) -> Result<(), String> {
    let is_folder = tokio::fs::metadata(folder)
        .await
        .is_ok_and(|found| found.is_dir());
    let folder = folder.display();
    is_folder.then_some(()).ok_or_else(|| {
        format!("atlas_upload_receipts: the folder {folder} does not exist; create it first")
    })
}

pub(super) async fn push(
    client: &crate::api::Client,
    configured: &Configured,
    built: BuiltArtifact,
    kept: &SavedReceipt,
) -> Result<PushOutcome, Error> {
    let push = planned(configured, built);
    if configured.request.extras.box_check.unwrap_or(true) {
        let checked = push.check_box().await;
        let how = "with atlas_upload_box_check set to false, the file is pushed anyway";
        checked.map_err(|error| error.with_hint(how))?;
    }
    let Some(folder) = &configured.request.extras.receipts else {
        return crate::push::push(client, &push).await;
    };
    // Each push has its own name: parallel builds have the same settings.
    let name = format!("{}-{}", push.name.name(), Uuid::new_v4());
    let (receipt, archive) = (
        folder.join(format!("{name}.json")),
        folder.join(format!("{name}.gz")),
    );
    let push = packed(client, push, &archive).await?;
    let mut file = ReceiptFile::create(&receipt, client.url(), vec![push]).await?;
    // `push` runs once for each `SavedReceipt`, so this always sets it.
    let receipt = kept.0.get_or_init(|| receipt);
    let done = proceed(client, &mut file, 0).await;
    let done = done.map_err(|error| with_resume_hint(error, receipt, kept))?;
    // The receipt of a finished push is of no use. The archive exists only if something was packed.
    for path in [receipt, &archive] {
        if let Err(error) = tokio::fs::remove_file(path).await {
            tracing::debug!(path = %path.display(), %error, "not removed");
        }
    }
    Ok(done)
}

/// Adds the command that resumes a failed push, unless the error holds it already or no receipt exists.
fn with_resume_hint(error: Error, receipt: &Path, kept: &SavedReceipt) -> Error {
    if matches!(error.phase(), Phase::Upload { .. }) {
        return resume::with_hint(error, receipt);
    }
    let Some(how) = kept.how_to_resume() else {
        return error;
    };
    let advice = error.hint().into_iter().chain([&*how]);
    let advice = advice.collect::<Vec<_>>().join("\n");
    error.with_hint(advice)
}

/// Packs the files of the push and returns a push of the resulting archive: Packer removes the original
/// files after a failure. The archive is gzip, which a push sends unchanged, so the same bytes are
/// uploaded.
async fn packed(client: &crate::api::Client, push: Push, archive: &Path) -> Result<Push, Error> {
    let (paths, options) = (push.paths.clone(), push.packing.clone());
    let (reporter, path) = (client.shared_reporter(), archive.to_owned());
    let pack = move || {
        pack::check(&paths, &options)?;
        match pack::pack(&paths, &options, &*reporter)? {
            Some(payload) => keep(&payload, &path).map(|()| vec![path]),
            None => Ok(Vec::new()),
        }
    };
    let packed = tokio::task::spawn_blocking(pack).await;
    let packed = packed.unwrap_or_else(|error| Err(Cause::Internal(error.to_string())));
    let paths = packed.map_err(|cause| Error::new(Phase::Pack, cause))?;
    Ok(Push { paths, ..push })
}

/// Writes the payload to `path` atomically. The call blocks.
fn keep(payload: &Payload, path: &Path) -> Result<(), Cause> {
    let kept = || {
        let folder = temporary::parent(path);
        let mut file = temporary::file(folder, &mut temporary::builder(TEMPORARY))?;
        payload.for_each_chunk(&mut |chunk| file.write_all(&chunk))?;
        file.persist(path)?;
        Ok(())
    };
    kept().map_err(|error| Cause::file(path, error))
}

fn planned(configured: &Configured, built: BuiltArtifact) -> Push {
    let request = &configured.request;
    let extras = &request.extras;
    let mut metadata = built.metadata;
    metadata.extend(request.metadata.clone());
    Push {
        name: request.name.clone(),
        artifact_type: request.artifact_type.clone(),
        id: Some(built.id),
        paths: built.files,
        packing: Options {
            // A comparison needs the digest, even where it is not kept in the metadata.
            digest: extras.digest || extras.skip_existing || extras.verify,
            keep_tar: request.artifact_type.is_vagrant_box(),
            ..Options::default()
        },
        metadata,
        build_id: configured.ids.build.value,
        compile_id: configured.ids.compile.value,
        idempotency_key: extras.digest.then(|| Uuid::new_v4().to_string()),
        skip_existing: extras.skip_existing,
        verify: extras.verify,
    }
}
