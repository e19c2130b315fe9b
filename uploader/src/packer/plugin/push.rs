//! What Packer built becomes a push.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use uuid::Uuid;

use super::configuration::Configured;
use super::host::Host;
use super::protocol::CallError;
use crate::base::error::{Cause, Error, Phase};
use crate::files::temporary;
use crate::push::pack::{self, Options, Payload};
use crate::push::receipt::{ReceiptFile, TEMPORARY};
use crate::push::resume;
use crate::push::{Push, Receipt, proceed};

/// Where builders keep metadata for Atlas.
const METADATA: &str = "atlas.artifact.metadata";

/// What Packer built.
pub(super) struct BuiltArtifact {
    id: String,
    files: Vec<PathBuf>,
    metadata: BTreeMap<String, String>,
}

impl BuiltArtifact {
    pub(super) async fn look(packer: &Host) -> Result<Self, CallError> {
        Ok(Self {
            id: packer.id().await?,
            files: packer.files().await?,
            metadata: packer.state(METADATA).await?,
        })
    }
}

/// Where the receipt of a push is kept that is not done yet, however it ends.
#[derive(Default)]
pub(super) struct SavedReceipt(OnceLock<PathBuf>);

impl SavedReceipt {
    /// What to do about a push that did not get done.
    pub(super) fn how_to_resume(&self) -> Option<String> {
        let receipt = self.0.get().filter(|receipt| receipt.exists())?;
        Some(format!("finish it with: {}", resume::command(receipt)))
    }
}

/// Looks before the build whether a receipt can be kept there.
pub(super) async fn check_folder(folder: &Path) -> Result<(), String> {
    let is_folder = tokio::fs::metadata(folder)
        .await
        .is_ok_and(|found| found.is_dir());
    let folder = folder.display();
    is_folder
        .then_some(())
        .ok_or_else(|| format!("atlas_upload_receipts: there is no folder {folder}; make it first"))
}

pub(super) async fn push(
    client: &crate::api::Client,
    configured: &Configured,
    built: BuiltArtifact,
    kept: &SavedReceipt,
) -> Result<Receipt, Error> {
    let push = planned(configured, built);
    if configured.request.extras.box_check.unwrap_or(true) {
        let checked = push.check_box().await;
        let how = "with atlas_upload_box_check set to false it is pushed all the same";
        checked.map_err(|error| error.with_hint(how))?;
    }
    let Some(folder) = &configured.request.extras.receipts else {
        return crate::push::push(client, &push).await;
    };
    // A name of its own for each push: builds in parallel have the same settings.
    let name = format!("{}-{}", push.name.name(), Uuid::new_v4());
    let (receipt, archive) = (
        folder.join(format!("{name}.json")),
        folder.join(format!("{name}.gz")),
    );
    let push = packed(client, push, &archive).await?;
    let mut file = ReceiptFile::create(&receipt, client.url(), vec![push]).await?;
    // Never set before.
    let receipt = kept.0.get_or_init(|| receipt);
    let done = proceed(client, &mut file, 0).await;
    let done = done.map_err(|error| with_resume_hint(error, receipt, kept))?;
    // What is done helps nobody any more; there is no archive where nothing was packed.
    for path in [receipt, &archive] {
        if let Err(error) = tokio::fs::remove_file(path).await {
            tracing::debug!(path = %path.display(), %error, "not removed");
        }
    }
    Ok(done)
}

/// Says how a push that broke is finished, unless it is said already or cannot be.
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

/// The same push, of what its files become when they are packed: Packer removes the files after a
/// failure. What is gzip already is sent as it is, so that nothing else arrives.
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

/// Whole or not at all. Blocks.
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
            // Comparing takes a digest, even one that is not left in the metadata.
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
