//! Snapshots: a dataset as a tar archive of `mock-atlas.json` and the files, each of them named by
//! its digest. A backup is such an archive.
//!
//! - `write`: streams a dataset as an archive
//! - `read`: reads the contents of an archive; `entries`: its entries as they come
//! - `header`: the headers of the entries
//! - `error`: the reasons for which an archive cannot be made or restored

mod entries;
mod error;
mod header;
mod read;
mod write;

use std::error::Error;

use bytes::Bytes;
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{Dataset, Datasets};
use crate::storage::{AccessRecord, ArtifactRecord};
pub(crate) use error::SnapshotError;
pub(crate) use read::Bounds;
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
/// it. The root account stays that of the present dataset.
///
/// # Errors
/// When the archive is not a valid snapshot, or exceeds the limits. Nothing is changed then, and nothing of the
/// archive is kept.
pub(crate) async fn restore<S, E>(
    datasets: &Datasets,
    bounds: Bounds<'_>,
    archive: S,
) -> Result<(), SnapshotError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    datasets.check_replaceable()?;
    let catalog = bounds.present.catalog();
    let mut files = catalog.incoming_files();
    let manifest = match read(archive, bounds, &mut files).await {
        Ok(manifest) => manifest,
        Err(error) => {
            files.discard().await;
            return Err(error);
        }
    };
    let records = (manifest.access, manifest.artifacts);
    let imported = catalog.import_files(records, files, bounds.limits).await?;
    Ok(datasets.replace(Dataset::new(imported)).await?)
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
