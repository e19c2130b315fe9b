//! `mock-atlas backup` saves an emulator's state to a file, and `mock-atlas restore` restores it.
//!
//! - `partial`: the file of a backup, until it is complete

mod partial;

use std::io;
use std::path::Path;

use axum::body::Body;
use axum::http::Method;
use mock_atlas::open_regular_file;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

use super::client::Client;
use super::retry::Failure;
use partial::Partial;

/// Writes a backup to a new file, which only its owner can read, since it contains hashed
/// passwords and tokens. The file gets its name when it is complete.
pub(super) async fn save(client: &Client, file: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot write {}: {error}", file.display());
    let body = client.stream(Method::POST, "/snapshot", Body::empty());
    let mut body = body.await?;
    let target = file.to_owned();
    let begun = run_blocking(move || Partial::begin(&target)).await;
    // Dropping `partial` removes the partial file.
    let (created, partial) = begun.map_err(failed)?;
    let mut created = File::from_std(created);
    loop {
        let part = client.part(&mut body).await;
        let Some(part) = part.map_err(|failure| broken_off(&failure))? else {
            break;
        };
        created.write_all(&part).await.map_err(failed)?;
    }
    created.sync_all().await.map_err(failed)?;
    run_blocking(|| partial.finish()).await.map_err(failed)
}

/// Returns the message for a backup of which not all has come.
fn broken_off(failure: &Failure) -> String {
    format!(
        "the backup broke off, and nothing is kept of it: {failure} If the server runs, its log or `mock-atlas check` \
         may tell more: it ends a backup in which a file would be damaged."
    )
}

/// Runs blocking work on a blocking thread.
async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await?
}

/// Sends a backup to the emulator.
pub(super) async fn restore(client: &Client, file: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot read {}: {error}", file.display());
    let path = file.to_owned();
    let archive = run_blocking(move || open_regular_file(&path)).await;
    let archive = File::from_std(archive.map_err(failed)?);
    let body = Body::from_stream(ReaderStream::with_capacity(archive, 256 * 1024));
    let replied = client.stream(Method::POST, "/restore", body).await?;
    drop(replied);
    Ok(())
}
