//! Snapshots: a dataset as a tar archive of `mock-atlas.json` and the files, each of them named by
//! its digest. A backup is such an archive.
//!
//! - `write`: streams a dataset as an archive
//! - `read`: reads the contents of an archive; `entries`: its entries as they come
//! - `index`: finds out what an archive in a file has, and joins a backup and its increments
//! - `header`: the headers of the entries
//! - `error`: the reasons for which an archive cannot be made or restored

mod entries;
mod error;
mod header;
mod index;
mod read;
mod write;

use std::error::Error;

use bytes::Bytes;
use foldhash::{HashMap, HashSet};
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{Dataset, Datasets};
use crate::domain::Digest;
use crate::storage::{AccessRecord, ArtifactRecord, StoredFile};
pub(crate) use error::SnapshotError;
pub use index::{BackupError, BackupIndex, BackupPart};
pub(crate) use read::Bounds;
use read::read;
pub(crate) use write::Snapshot;

/// The digests of the files that an earlier backup has, and which an increment leaves out.
#[derive(Debug)]
pub(crate) struct Earlier(HashSet<Digest>);

impl Earlier {
    /// Reads digests, one on each line; `None` for no text at all, which asks for a whole backup.
    ///
    /// # Errors
    /// [`SnapshotError::Digest`].
    pub(crate) fn read(text: &[u8]) -> Result<Option<Self>, SnapshotError> {
        if text.is_empty() {
            return Ok(None);
        }
        let lines = text.split(|byte| *byte == b'\n').enumerate();
        let digests = lines
            .filter(|(_, line)| !line.is_empty())
            .map(|(at, line)| {
                let digest = str::from_utf8(line).ok().and_then(|text| text.parse().ok());
                digest.ok_or(SnapshotError::Digest(at + 1))
            });
        Ok(Some(Self(digests.collect::<Result<_, _>>()?)))
    }
}

/// Creates a snapshot of a dataset: a whole one, or one without the files that an earlier backup has.
///
/// # Errors
/// When the JSON cannot be written (a time before 1970, for instance), when the dataset is too
/// large to be restored, and when the storage fails.
pub(crate) async fn save(
    dataset: &Dataset,
    earlier: Option<Earlier>,
) -> Result<Snapshot, SnapshotError> {
    let contents = dataset.catalog().export().await?;
    // Serialising all artifacts and versions may take long, so it runs on a blocking thread.
    let made = spawn_blocking(move || Snapshot::of(contents, earlier)).await?;
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

/// The version of the format of a whole archive that the emulator writes.
const FORMAT: u32 = 2;

/// The version of the format of an increment, which programs refuse that know no increments.
const INCREMENT_FORMAT: u32 = 3;

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
    /// Whether files may be missing whose bytes an earlier backup has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    increment: bool,
}

/// The largest number of missing files that an error names.
const MOST_NAMED: usize = 3;

/// Returns the error for the files whose bytes are missing; `None` if there are none.
fn lacking(
    named: &HashMap<String, StoredFile>,
    is_there: impl Fn(&str) -> bool,
) -> Option<SnapshotError> {
    let missing = named.iter().filter(|(digest, _)| !is_there(digest));
    let mut missing: Vec<_> = missing
        .map(|(digest, file)| format!("{digest} of {}", file.slug))
        .collect();
    if missing.is_empty() {
        return None;
    }
    missing.sort();
    let more = missing.len().saturating_sub(MOST_NAMED);
    missing.truncate(MOST_NAMED);
    if more > 0 {
        missing.push(format!("and {more} more"));
    }
    Some(SnapshotError::Lacking(missing.join(", ")))
}

/// Returns whether a digest in the name of a file is the SHA-256 of the first format, which has no
/// prefix.
fn is_sha256(digest: &str) -> bool {
    !digest.contains('-')
}
