//! `mock-atlas snapshot` and `restore`: an emulator's state in a file.

use std::io;
use std::path::Path;

use axum::body::Body;
use axum::http::Method;
use http_body_util::BodyExt;
use tokio::fs::{File, OpenOptions, remove_file};
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

use super::client::Client;

/// Writes a snapshot into a new file, which only its owner can read: passwords and tokens are in it,
/// though hashed. One that breaks off is removed.
pub(super) async fn save(client: &Client, file: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot write {}: {error}", file.display());
    let body = client.stream(Method::POST, "/snapshot", Body::empty());
    let body = body.await?;
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .await
        .map_err(failed)?;
    let written = write(Body::new(body), created).await;
    if written.is_err() {
        // What matters is why it broke off.
        let _ = remove_file(file).await;
    }
    written.map_err(failed)
}

async fn write(mut body: Body, mut file: File) -> io::Result<()> {
    while let Some(frame) = body.frame().await {
        if let Ok(part) = frame.map_err(io::Error::other)?.into_data() {
            file.write_all(&part).await?;
        }
    }
    file.sync_all().await
}

/// Sends a snapshot back.
pub(super) async fn restore(client: &Client, file: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot read {}: {error}", file.display());
    let archive = File::open(file).await.map_err(failed)?;
    let body = Body::from_stream(ReaderStream::with_capacity(archive, 256 * 1024));
    let replied = client.stream(Method::POST, "/restore", body).await?;
    drop(replied);
    Ok(())
}
