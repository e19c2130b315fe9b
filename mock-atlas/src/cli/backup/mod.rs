//! `mock-atlas backup` saves an emulator's state to a file, and `mock-atlas restore` restores it.
//!
//! - `partial`: the file of a backup, until it is complete
//! - `restore`: sends a backup, or joins it with its increments as it is sent

mod partial;
mod restore;

use std::fs;
use std::io;
use std::path::Path;

use axum::body::Body;
use axum::http::Method;
use mock_atlas::{BackupError, BackupIndex, open_regular_file};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;

use super::client::Client;
use super::retry::Failure;
use partial::Partial;
pub(super) use restore::restore;

/// Writes a backup to a new file, which only its owner can read, since it contains hashed
/// passwords and tokens. The file gets its name when it is complete. An increment leaves out the files that an earlier
/// backup has, together with those that it builds on.
pub(super) async fn save(client: &Client, file: &Path, since: Option<&Path>) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot write {}: {error}", file.display());
    let asked = match since {
        Some(earlier) => Body::from(digests(earlier).await?),
        None => Body::empty(),
    };
    let mut body = client.stream(Method::POST, "/snapshot", asked).await?;
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

/// Returns the digests of the files that an earlier backup has, one on each line.
async fn digests(earlier: &Path) -> Result<String, String> {
    let (_, index) = open(earlier).await?;
    let digests = index.digests().map_err(|error| unusable(earlier, &error))?;
    // No text at all would ask for a whole backup.
    Ok(digests + "\n")
}

/// Opens a backup, and reads its index.
async fn open(archive: &Path) -> Result<(fs::File, BackupIndex), String> {
    let path = archive.to_owned();
    let opened = spawn_blocking(move || {
        let file = open_regular_file(&path)?;
        let index = BackupIndex::read(&file)?;
        Ok::<_, BackupError>((file, index))
    });
    let opened = opened.await.map_err(|error| error.to_string())?;
    opened.map_err(|error| unusable(archive, &error))
}

fn unusable(archive: &Path, error: &BackupError) -> String {
    format!("cannot use {}: {error}", archive.display())
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
