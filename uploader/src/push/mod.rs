//! The pipeline of a push runs in the order of Packer's post-processor: check the files, verify the token,
//! pack, find or create the artifact, create the version, send the bytes.
//!
//! At most one version becomes visible, whatever fails on the way. [`proceed`] is the entry. It does the first
//! steps itself: it checks the files, verifies the token, and packs. The later steps are methods of `run::Run`,
//! which four files contain:
//!
//! - `run` finds or creates the artifact, calls the other steps in order, and records each in the receipt.
//! - `version` creates the version under its `idempotency_key`.
//! - `upload` sends the bytes.
//! - `existing` compares with the versions on the server, to skip the push or to verify it.
//!
//! A [`request`] describes the version, and [`pack`] makes its file. A [`ReceiptFile`] records the progress, from
//! which [`proceed`] continues; [`resume`] makes hints for the user; [`outcome`] describes a finished push.

mod blocking;
mod existing;
mod idempotency_key;
pub mod outcome;
pub mod pack;
pub mod receipt;
pub mod request;
pub mod resume;
mod run;
mod upload;
mod version;

use std::time::{Duration, Instant};

use crate::api::Client;
use crate::base::error::{Cause, Error, Phase};
use crate::base::reporter::Event;
use blocking::blocking;
pub use idempotency_key::IDEMPOTENCY_KEY;
pub use outcome::{PushOutcome, Timings};
use pack::Payload;
use receipt::{Entry, ReceiptFile, State};
pub use request::Push;
use run::Run;

/// Pushes one version without keeping a receipt.
///
/// # Errors
/// The errors of [`proceed`].
pub async fn push(client: &Client, push: &Push) -> Result<PushOutcome, Error> {
    proceed(client, &mut ReceiptFile::unsaved(vec![push.clone()]), 0).await
}

/// Continues one push of a receipt from its recorded state; does nothing for a push that is done. The future may
/// be dropped at any await, since the receipt records the progress.
///
/// # Errors
/// See [`Phase`]. In [`Phase::Upload`] the version exists and awaits its bytes, unless
/// [`Error::is_arrival_unknown`]; with [`Cause::InDoubt`] it may exist; with [`Cause::Changed`] the files differ
/// from those that the push began with.
pub async fn proceed(
    client: &Client,
    file: &mut ReceiptFile,
    index: usize,
) -> Result<PushOutcome, Error> {
    let Some(Entry { push, .. }) = file.entries().get(index).cloned() else {
        let cause = Cause::Internal(format!("there is no push number {index}"));
        return Err(Error::new(Phase::Receipt, cause));
    };
    // Secrets of earlier runs are redacted before a server can repeat them in a reply.
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
        return Ok(run.outcome(version, 0));
    }
    run.id = blocking(move || checked.check()).await??;
    if !client.is_authenticated() {
        timed(&mut run.timings.authenticate, client.authenticate()).await?;
    }
    let packing = packed(client, &run.push);
    let payload = timed(&mut run.timings.pack, packing).await?;
    run.determine_content(payload.as_ref()).await?;
    run.begin_or_resume(payload).await
}

async fn packed(client: &Client, push: &Push) -> Result<Option<Payload>, Error> {
    let (paths, options) = (push.paths.clone(), push.packing.clone());
    let reporter = client.shared_reporter();
    let packed = blocking(move || pack::pack(&paths, &options, &*reporter)).await?;
    packed.map_err(|cause| Error::new(Phase::Pack, cause))
}

async fn timed<T>(slot: &mut Duration, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let result = work.await;
    *slot = start.elapsed();
    result
}
