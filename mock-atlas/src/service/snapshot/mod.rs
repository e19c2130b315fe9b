//! Snapshots: a dataset as a tar archive of `mock-atlas.json` and the files, each of them named by
//! its digest.
//!
//! - `write`: streams a dataset as an archive
//! - `read`: reads the contents of an archive

mod read;
mod write;

use std::io::Read;

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{Dataset, Datasets};
use crate::domain::Limits;
use crate::storage::{AccessRecord, ArtifactRecord};
pub(crate) use read::SnapshotError;
use read::read;
pub(crate) use write::Snapshot;

/// Creates a snapshot of a dataset.
///
/// # Errors
/// When the JSON cannot be written (a time before 1970, for instance), when the dataset is too
/// large to be restored, and when the storage fails.
pub(crate) async fn save(dataset: &Dataset) -> Result<Snapshot, SnapshotError> {
    let contents = dataset.catalog().export().await?;
    // Serialising all artifacts and versions may take long, so it runs on a blocking thread.
    let made = spawn_blocking(move || Snapshot::of(contents)).await?;
    made.map_err(SnapshotError::Save)
}

/// Replaces the current dataset with the content of an archive, after reading and checking all of
/// it. The root account stays that of the `present` dataset.
///
/// # Errors
/// When the archive is not a valid snapshot, or exceeds the limits.
pub(crate) async fn restore(
    datasets: &Datasets,
    present: &Dataset,
    archive: impl Read + Send + 'static,
    limits: Limits,
) -> Result<(), SnapshotError> {
    // Reading the archive blocks, so it runs on a blocking thread.
    let contents = spawn_blocking(move || read(archive, limits)).await??;
    datasets.check_replaceable()?;
    let catalog = present.catalog().import(contents, limits).await?;
    Ok(datasets.replace(Dataset::new(catalog)).await?)
}

/// The name of the archive's first entry.
const MANIFEST: &str = "mock-atlas.json";
const FILES: &str = "files/";

/// The version of the archive's format that the emulator writes.
const FORMAT: u32 = 2;

/// The oldest format that the emulator reads, which names files by their SHA-256.
const OLDEST_FORMAT: u32 = 1;

/// The largest size of a manifest in bytes, since it is read into memory. This is enough for half a
/// million versions.
const MOST_OF_MANIFEST: u64 = 256 * 1024 * 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    access: AccessRecord,
    artifacts: Vec<ArtifactRecord>,
}
