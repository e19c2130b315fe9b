//! An archive as a world, or nothing.

use std::io::{self, Read};

use foldhash::{HashMap, HashMapExt};
use tar::Archive;

use super::{FILES, FORMAT, MANIFEST, Manifest};
use crate::access::Refusal;
use crate::names::Name;
use crate::store::{Blob, Limits, OverLimit, RecordError};
use crate::world::World;

/// Why an archive is no snapshot, or not one of this emulator's form.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error("the archive cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("this is no snapshot: its first entry is not {MANIFEST}")]
    NoManifest,
    #[error("{MANIFEST} cannot be understood: {0}")]
    Manifest(#[from] serde_json::Error),
    #[error("the snapshot is of the form {0}, and this emulator reads the form {FORMAT} only")]
    Format(u32),
    #[error("the snapshot contradicts itself: {0}")]
    Records(#[from] RecordError),
    #[error("{0} cannot be restored here: {1}")]
    OverLimit(String, OverLimit),
    #[error("the account {0} cannot be restored here: {1}")]
    Access(Name, Refusal),
}

/// Makes a world of an archive, if all of it is within limits. Root is who it is in the present world.
/// Blocks while it reads.
pub(crate) fn read(
    archive: impl Read,
    present: &World,
    limits: Limits,
) -> Result<World, SnapshotError> {
    let mut manifest = None;
    let mut files = HashMap::new();
    let mut archive = Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if path.starts_with(FILES) {
            let blob = Blob::read(&mut entry)?;
            // Under the digest that the bytes have, whatever the archive says.
            files.insert(blob.digest().to_string(), blob);
        } else if manifest.is_none() && path == MANIFEST {
            manifest = Some(read_manifest(entry)?);
        } else {
            return Err(SnapshotError::NoManifest);
        }
    }
    // What breaks off behind the last file has broken off too.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    let manifest = manifest.ok_or(SnapshotError::NoManifest)?;
    let (accounts, ()) = present.access().copy_with(|| ());
    let directory = accounts
        .with_record(manifest.access)
        .map_err(|(name, refusal)| SnapshotError::Access(name, refusal))?;
    let store = present.store().with_records(manifest.artifacts, &files)?;
    let checked = store.check(limits);
    checked.map_err(|(slug, over)| SnapshotError::OverLimit(slug, over))?;
    Ok(World::new(directory, store))
}

fn read_manifest(mut entry: impl Read) -> Result<Manifest, SnapshotError> {
    #[derive(serde::Deserialize)]
    struct Form {
        format: u32,
    }
    let mut text = String::new();
    entry.read_to_string(&mut text)?;
    // First of all: what is of another form may be wrong in every other way.
    let Form { format } = serde_json::from_str(&text)?;
    if format != FORMAT {
        return Err(SnapshotError::Format(format));
    }
    Ok(serde_json::from_str(&text)?)
}
