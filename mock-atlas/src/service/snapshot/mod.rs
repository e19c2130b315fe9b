//! Everything an emulator holds, as one tar archive: `mock-atlas.json`, and each file under the
//! digest of its bytes.
//!
//! - `write`: a dataset as an archive, in a stream
//! - `read`: an archive as a dataset, or nothing

mod read;
mod write;

use serde::{Deserialize, Serialize};

pub(crate) use read::{SnapshotError, read};
pub(crate) use write::Snapshot;

use crate::storage::{AccessRecord, ArtifactRecord};

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
