//! The pipeline of a push, in the order of Packer's post-processor: look at the files, verify the
//! token, pack, find or make the artifact, make the version, send the bytes.
//!
//! Whatever breaks on the way, there is one version that everybody sees, or none. A [`request`] says what is to
//! be made, and [`pack`] makes its file; `run` has the steps: `version` makes the version, known by its
//! `idempotency_key`, `upload` sends its bytes, and `existing` compares with what is there. How far a push came
//! stands in a [`ReceiptFile`], from which [`proceed`] goes on, and [`resume`] says how; [`outcome`] is the end.

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
pub use outcome::{Receipt, Timings};
use pack::Payload;
use receipt::{Entry, ReceiptFile, State};
pub use request::Push;
use run::Run;

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

async fn timed<T>(slot: &mut Duration, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let result = work.await;
    *slot = start.elapsed();
    result
}
