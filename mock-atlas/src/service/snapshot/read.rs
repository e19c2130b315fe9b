//! Reads the contents of a snapshot's archive, and checks its limits. Each file is kept as it comes, so that an
//! archive of any size takes little memory.

use std::error::Error;
use std::io;

use bytes::Bytes;
use futures_util::Stream;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::entries::Entries;
use super::{
    FILES, INCREMENT_FORMAT, MANIFEST, MOST_OF_MANIFEST, Manifest, OLDEST_FORMAT, SnapshotError,
    is_sha256, lacking,
};
use crate::domain::Limits;
use crate::service::uploads::Uploads;
use crate::service::{Dataset, ServiceError};
use crate::storage::{Blob, Checksums, IncomingFiles, StoredFile, stored_files};

/// The bounds within which the files of an archive are received.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    /// The dataset that the archive will replace.
    pub(crate) present: &'a Dataset,
    pub(crate) uploads: &'a Uploads,
    pub(crate) limits: Limits,
}

/// Reads an archive, and keeps its files. Returns the manifest.
pub(super) async fn read<S, E>(
    archive: S,
    bounds: Bounds<'_>,
    files: &mut IncomingFiles,
) -> Result<Manifest, SnapshotError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let mut entries = Entries::new(archive);
    let manifest = read_manifest(&mut entries).await?;
    let named = stored_files(&manifest.artifacts);
    while let Some((name, len)) = entries.next().await? {
        let digest = name.strip_prefix(FILES).unwrap_or_default();
        let Some(file) = named.get(digest) else {
            return Err(SnapshotError::entry(&name, "a file that no version has"));
        };
        let StoredFile { slug, is_box } = file;
        let checked = bounds.limits.check_file(len);
        checked.map_err(|over| SnapshotError::OverLimit(slug.clone(), over))?;
        if files.have(digest) {
            continue;
        }
        let checksums = Checksums {
            sha256: *is_box || is_sha256(digest) || bounds.present.catalog().keeps_sha256(),
            told: None,
        };
        let Bounds {
            present, uploads, ..
        } = bounds;
        let collect = uploads.collect_of_archive(present, entries.bytes(), (len, checksums));
        let blob = collect.await.map_err(of_archive)?.blob;
        if !has_digest(&blob, digest) {
            let why = "a file that differs from the digest in its name";
            return Err(SnapshotError::entry(&name, why));
        }
        files.keep(digest.to_owned(), blob).await?;
    }
    entries.end().await?;
    match lacking(&named, |digest| files.have(digest)) {
        Some(lacking) => Err(lacking),
        None => Ok(manifest),
    }
}

/// Returns the error of an archive for that of a file in it.
fn of_archive(error: ServiceError) -> SnapshotError {
    match error {
        ServiceError::BrokenBody { error, .. } => {
            let error = error.downcast::<io::Error>().map(|error| *error);
            SnapshotError::Read(error.unwrap_or_else(io::Error::other))
        }
        other => other.into(),
    }
}

fn has_digest(blob: &Blob, digest: &str) -> bool {
    if is_sha256(digest) {
        let sha256 = blob.sha256().map(|sha256| sha256.to_string());
        return sha256.as_deref() == Some(digest);
    }
    blob.digest().to_string() == digest
}

async fn read_manifest<S, E>(entries: &mut Entries<S>) -> Result<Manifest, SnapshotError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    match entries.next().await? {
        Some((name, len)) => check_manifest(&name, len)?,
        None => return Err(SnapshotError::NoManifest),
    }
    let json = entries.read_all().await?;
    // Parsing all artifacts and versions may take long, so it runs on a blocking thread.
    spawn_blocking(move || parse(&json)).await?
}

/// Checks the name and the length of the first entry.
///
/// # Errors
/// When it is not that of a manifest, or too large to be read into memory.
pub(super) fn check_manifest(name: &str, len: u64) -> Result<(), SnapshotError> {
    if name != MANIFEST {
        return Err(SnapshotError::NoManifest);
    }
    if len > MOST_OF_MANIFEST {
        let why = "too large for this emulator";
        return Err(SnapshotError::entry(MANIFEST, why));
    }
    Ok(())
}

/// Parses a manifest. Blocks while it does.
///
/// # Errors
/// When it has another format, or is no manifest.
pub(super) fn parse(json: &[u8]) -> Result<Manifest, SnapshotError> {
    #[derive(Deserialize)]
    struct Form {
        format: u32,
    }
    // The format comes first, since a manifest of another format may fail to parse otherwise.
    let Form { format } = serde_json::from_slice(json)?;
    if !(OLDEST_FORMAT..=INCREMENT_FORMAT).contains(&format) {
        return Err(SnapshotError::Format(format));
    }
    Ok(serde_json::from_slice(json)?)
}
