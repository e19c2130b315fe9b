//! `mock-atlas snapshot` and `restore` keep an emulator's state in a file, and bring it back.

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

/// Writes a snapshot into a new file, which only its owner can read: passwords and tokens are in it,
/// though hashed. It has its name once it is whole.
pub(super) async fn save(client: &Client, file: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot write {}: {error}", file.display());
    let body = client.stream(Method::POST, "/snapshot", Body::empty());
    let mut body = body.await?;
    let target = file.to_owned();
    let begun = apart(move || begin(&target)).await;
    // The partial file is removed when this is dropped.
    let (created, partial) = begun.map_err(failed)?;
    let mut created = File::from_std(created);
    while let Some(part) = client.part(&mut body).await? {
        created.write_all(&part).await.map_err(failed)?;
    }
    created.sync_all().await.map_err(failed)?;
    let target = file.to_owned();
    let named = apart(move || {
        partial
            .persist_noclobber(target)
            .map_err(|error| error.error)
    });
    named.await.map_err(failed)
}

/// Makes the file that a snapshot stands in until it is whole: a hidden one beside the other. Of each there
/// is one, so that what is left of a run that was killed is removed by the next. It is locked, so that
/// no other run takes it for such.
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

/// Returns the name of the hidden file: one that nobody else gives, since a file of that name is removed, and
/// short, however long the other is.
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

/// Locks a partial file. Where files cannot be locked, nobody else can have it locked either.
fn check_lock(partial: &fs::File) -> io::Result<()> {
    match partial.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let message = "another snapshot is being written to it";
            Err(io::Error::new(io::ErrorKind::ResourceBusy, message))
        }
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// Does what may block on a thread for that.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await?
}

/// Sends a snapshot back.
pub(super) async fn restore(client: &Client, file: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot read {}: {error}", file.display());
    let path = file.to_owned();
    let archive = apart(move || open_regular_file(&path)).await;
    let archive = File::from_std(archive.map_err(failed)?);
    let body = Body::from_stream(ReaderStream::with_capacity(archive, 256 * 1024));
    let replied = client.stream(Method::POST, "/restore", body).await?;
    drop(replied);
    Ok(())
}
