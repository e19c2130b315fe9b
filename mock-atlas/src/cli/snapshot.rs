//! `mock-atlas snapshot` saves an emulator's state to a file, and `mock-atlas restore` restores it.

use std::ffi::OsStr;
use std::fs::{self, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use axum::body::Body;
use axum::http::Method;
use mock_atlas::open_regular_file;
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

use super::client::Client;

/// Writes a snapshot to a new file, which only its owner can read, since it contains hashed
/// passwords and tokens. The file gets its name when it is complete.
pub(super) async fn save(client: &Client, file: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot write {}: {error}", file.display());
    let body = client.stream(Method::POST, "/snapshot", Body::empty());
    let mut body = body.await?;
    let target = file.to_owned();
    let begun = run_blocking(move || begin(&target)).await;
    // Dropping `partial` removes the partial file.
    let (created, partial) = begun.map_err(failed)?;
    let mut created = File::from_std(created);
    while let Some(part) = client.part(&mut body).await? {
        created.write_all(&part).await.map_err(failed)?;
    }
    created.sync_all().await.map_err(failed)?;
    let target = file.to_owned();
    let named = run_blocking(move || {
        partial
            .persist_noclobber(target)
            .map_err(|error| error.error)
    });
    named.await.map_err(failed)
}

/// Creates the partial file of a snapshot, a hidden file beside the target. Its name depends only
/// on the target's, so that the next run removes the file of a run that was killed. A lock keeps
/// other runs from removing it while it is in use.
fn begin(file: &Path) -> io::Result<(fs::File, TempPath)> {
    if file.symlink_metadata().is_ok() {
        return Err(Errno::EXIST.into());
    }
    let name = file.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let path = file.with_file_name(hidden_name(name));
    remove_leftover(&path)?;
    let created = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let partial = TempPath::try_from_path(path)?;
    check_lock(&created)?;
    Ok((created, partial))
}

/// Returns the name of the partial file. It is unlikely to be in use for other files, since an
/// existing file of this name is removed, and short even for long targets.
fn hidden_name(name: &OsStr) -> String {
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(name.as_encoded_bytes()).into();
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    format!(".mock-atlas-{number:016x}.partial")
}

fn remove_leftover(path: &Path) -> io::Result<()> {
    match open_regular_file(path) {
        Ok(left) => {
            check_lock(&left)?;
            fs::remove_file(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Locks a partial file. On a file system without locks the file counts as free, since no other run
/// can have locked it.
fn check_lock(partial: &fs::File) -> io::Result<()> {
    match partial.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let message = "another snapshot is being written to this file";
            Err(io::Error::new(io::ErrorKind::ResourceBusy, message))
        }
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// Runs blocking work on a blocking thread.
async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await?
}

/// Sends a snapshot to the emulator.
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
