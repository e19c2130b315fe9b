//! `mock-atlas snapshot` and `restore`: an emulator's state in a file.

use std::io;
use std::path::Path;

use axum::body::Body;
use axum::http::Method;
use mock_atlas::open_plain;
use tokio::fs::{File, OpenOptions, remove_file};
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

use super::client::Client;

/// Writes a snapshot into a new file, which only its owner can read: passwords and tokens are in it,
/// though hashed. One that breaks off is removed.
pub(super) async fn save(client: &Client, file: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot write {}: {error}", file.display());
    let body = client.stream(Method::POST, "/snapshot", Body::empty());
    let mut body = body.await?;
    let mut created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .await
        .map_err(failed)?;
    let write = async {
        while let Some(part) = client.part(&mut body).await? {
            created.write_all(&part).await.map_err(failed)?;
        }
        created.sync_all().await.map_err(failed)
    };
    let written = write.await;
    if written.is_err() {
        // What matters is why it broke off.
        let _ = remove_file(file).await;
    }
    written
}

/// Sends a snapshot back.
pub(super) async fn restore(client: &Client, file: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot read {}: {error}", file.display());
    let path = file.to_owned();
    let archive = spawn_blocking(move || open_plain(&path)).await;
    let archive = archive.map_err(io::Error::from).and_then(|opened| opened);
    let archive = File::from_std(archive.map_err(failed)?);
    let body = Body::from_stream(ReaderStream::with_capacity(archive, 256 * 1024));
    let replied = client.stream(Method::POST, "/restore", body).await?;
    drop(replied);
    Ok(())
}
