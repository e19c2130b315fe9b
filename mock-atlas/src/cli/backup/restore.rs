//! Sends a backup to an emulator, or joins it with its increments as it is sent.

use std::fs;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::Method;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use mock_atlas::{BackupIndex, BackupPart, open_regular_file};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::super::client::Client;
use super::{open, run_blocking, unusable};

/// The number of bytes that are read at a time.
const CHUNK: usize = 256 * 1024;

/// Sends a backup to the emulator, with the increments that build on it, the newest last. The emulator judges a single
/// archive; several are examined before anything is sent.
pub(crate) async fn restore(
    client: &Client,
    archive: &Path,
    increments: &[PathBuf],
) -> Result<(), String> {
    let body = match increments {
        [] => Body::from_stream(whole(archive).await?),
        _ => Body::from_stream(joined(archive, increments).await?),
    };
    let replied = client.stream(Method::POST, "/restore", body).await?;
    drop(replied);
    Ok(())
}

async fn whole(archive: &Path) -> Result<ReaderStream<File>, String> {
    let path = archive.to_owned();
    let opened = run_blocking(move || open_regular_file(&path)).await;
    let opened = opened.map_err(|error| format!("cannot read {}: {error}", archive.display()))?;
    Ok(ReaderStream::with_capacity(File::from_std(opened), CHUNK))
}

/// Returns one archive of a backup and its increments.
async fn joined(
    archive: &Path,
    increments: &[PathBuf],
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, String> {
    let (mut files, mut indexes) = (Vec::new(), Vec::new());
    let archives = [archive].into_iter();
    for archive in archives.chain(increments.iter().map(PathBuf::as_path)) {
        let (file, index) = open(archive).await?;
        check_order(archive, &index, indexes.is_empty())?;
        files.push(file);
        indexes.push(index);
    }
    let newest = increments.last().map_or(archive, PathBuf::as_path);
    let parts = BackupIndex::join(&indexes).map_err(|error| unusable(newest, &error))?;
    let files: Arc<[fs::File]> = files.into();
    let read = move |part| read(Arc::clone(&files), part);
    Ok(stream::iter(parts).then(read).try_flatten())
}

fn check_order(archive: &Path, index: &BackupIndex, is_first: bool) -> Result<(), String> {
    let why = match (is_first, index.is_increment()) {
        (true, true) => "it is an increment: name the whole backup that it builds on before it",
        (false, false) => "it is a whole backup: name it alone, or as the first",
        _ => return Ok(()),
    };
    Err(format!("cannot use {}: {why}", archive.display()))
}

/// Reads a part of an archive. All parts of an archive share its position, so one is read after the other.
async fn read(
    files: Arc<[fs::File]>,
    BackupPart { archive, bytes, .. }: BackupPart,
) -> io::Result<ReaderStream<tokio::io::Take<File>>> {
    let file = files.get(archive).ok_or(io::ErrorKind::NotFound)?;
    let mut file = File::from_std(file.try_clone()?);
    file.seek(SeekFrom::Start(bytes.start)).await?;
    let part = file.take(bytes.end - bytes.start);
    Ok(ReaderStream::with_capacity(part, CHUNK))
}
