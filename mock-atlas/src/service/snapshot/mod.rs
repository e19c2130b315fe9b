//! Everything an emulator holds, as one tar archive: `mock-atlas.json`, and each file under the
//! digest of its bytes.
//!
//! - `write`: a dataset as an archive, in a stream
//! - `read`: an archive as a dataset, or nothing

mod read;
mod write;

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{Dataset, Datasets};
use crate::domain::Limits;
use crate::storage::{AccessRecord, ArtifactRecord};
pub(crate) use read::SnapshotError;
use read::read;
pub(crate) use write::Snapshot;

/// Takes a snapshot of a dataset.
///
/// # Errors
/// When it cannot be written as JSON, as a time before 1970 could not, when there are more artifacts and
/// versions than an emulator would restore, and when the storage fails.
pub(crate) async fn save(dataset: &Dataset) -> io::Result<Snapshot> {
    let contents = dataset.catalog().export().await;
    let contents = contents.map_err(io::Error::other)?;
    // All that there is but files, which may be much, is written as JSON.
    spawn_blocking(move || Snapshot::of(contents)).await?
}

/// Goes on with the dataset of an archive, once that is read to its end and found to be good. Root is who it
/// is in the present dataset.
///
/// # Errors
/// When the archive is no snapshot, or not all of it is within limits.
pub(crate) async fn restore(
    datasets: &Datasets,
    present: &Dataset,
    archive: impl Read + Send + 'static,
    limits: Limits,
) -> Result<(), SnapshotError> {
    // On a thread that may block, as reading an archive does.
    let contents = spawn_blocking(move || read(archive, limits)).await??;
    let catalog = present.catalog().import(contents).await?;
    if let Some((slug, over)) = catalog.over_limit(limits).await? {
        return Err(SnapshotError::OverLimit(slug, over));
    }
    Ok(datasets.replace(Dataset::new(catalog)).await?)
}

/// What the archive's first entry is called, and the folder of the others.
const MANIFEST: &str = "mock-atlas.json";
const FILES: &str = "files/";

/// Of which form this emulator's archives are. It reads no other.
const FORMAT: u32 = 1;

/// How large a manifest may be, in bytes: it is read as a whole. So much has room for half a million
/// versions.
const MOST_OF_MANIFEST: u64 = 256 * 1024 * 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    access: AccessRecord,
    artifacts: Vec<ArtifactRecord>,
}
