//! Reads the contents of a snapshot's archive, and checks its limits.

use std::io::{self, Read};

use foldhash::{HashMap, HashMapExt};
use tar::{Archive, Entry, EntryType, PaxExtensions};
use tokio::task::JoinError;

use super::{FILES, FORMAT, MANIFEST, MOST_OF_MANIFEST, Manifest, OLDEST_FORMAT};
use crate::domain::text::truncated;
use crate::domain::{Limits, OverLimit};
use crate::service::ServiceError;
use crate::storage::{
    Blob, Checksums, Contents, ImportError, StorageError, StoredFile, stored_files,
};

/// The largest size in bytes of an extended header (PAX), which other programs add.
const MOST_OF_EXTENSION: u64 = 64 * 1024;

/// The largest number of bytes after the end of an archive, which programs pad to a multiple of
/// their block size.
const MOST_OF_PADDING: u64 = 1024 * 1024;

/// The largest number of characters of an entry's name in an error message.
const LONGEST_NAME: usize = 100;

/// The reason for which an archive cannot be restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error("the archive cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("the archive is not a snapshot: its first entry is not {MANIFEST}")]
    NoManifest,
    #[error("the archive is not a snapshot: its entry {0:?} is {1}")]
    Entry(String, &'static str),
    #[error("{MANIFEST} cannot be parsed: {0}")]
    Manifest(#[from] serde_json::Error),
    #[error(
        "the snapshot has the format {0}, and this emulator reads only the formats {OLDEST_FORMAT} to {FORMAT}"
    )]
    Format(u32),
    #[error("{0} cannot be restored here: {1}")]
    OverLimit(String, OverLimit),
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The dataset cannot be written as a snapshot.
    #[error("the snapshot cannot be made: {0}")]
    Save(io::Error),
    /// The storage failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl SnapshotError {
    /// Creates an error about an entry that a snapshot cannot have.
    fn entry(name: &str, why: &'static str) -> Self {
        Self::Entry(truncated(name, LONGEST_NAME).into_owned(), why)
    }
}

impl From<JoinError> for SnapshotError {
    fn from(error: JoinError) -> Self {
        Self::Service(error.into())
    }
}

impl From<StorageError> for SnapshotError {
    fn from(error: StorageError) -> Self {
        Self::Service(error.into())
    }
}

/// Reads the contents of an archive. Blocks while it reads.
pub(super) fn read(archive: impl Read, limits: Limits) -> Result<Contents, SnapshotError> {
    let mut archive = Archive::new(archive);
    let contents = read_entries(&mut archive, limits)?;
    // The archive is read to its end, so that a transfer that breaks off after the last file is an
    // error as well.
    let rest = archive.into_inner().take(MOST_OF_PADDING + 1);
    if io::copy(&mut { rest }, &mut io::sink())? > MOST_OF_PADDING {
        let error = io::Error::other("more data follows after its end");
        return Err(SnapshotError::Read(error));
    }
    Ok(contents)
}

/// Reads the manifest, and the files that it names by their digests.
fn read_entries(
    archive: &mut Archive<impl Read>,
    limits: Limits,
) -> Result<Contents, SnapshotError> {
    // Raw entries: otherwise the library would read headers of any size into memory, and expand the
    // holes of sparse files.
    let mut entries = Plain(archive.entries()?.raw(true));
    let (name, entry) = entries.next()?.ok_or(SnapshotError::NoManifest)?;
    if name != MANIFEST {
        return Err(SnapshotError::NoManifest);
    }
    let manifest = read_manifest(entry)?;
    let named = stored_files(&manifest.artifacts);
    let mut files = HashMap::new();
    while let Some((name, mut entry)) = entries.next()? {
        let digest = name.strip_prefix(FILES).unwrap_or_default();
        let Some(StoredFile { slug, is_box }) = named.get(digest) else {
            return Err(SnapshotError::entry(&name, "a file that no version has"));
        };
        let checked = limits.check_file(entry.size());
        checked.map_err(|over| SnapshotError::OverLimit(slug.clone(), over))?;
        let checksums = Checksums {
            sha256: *is_box || is_sha256(digest),
            told: None,
        };
        let blob = Blob::read(&mut entry, checksums)?;
        if !has_digest(&blob, digest) {
            return Err(SnapshotError::entry(
                &name,
                "a file that differs from the digest in its name",
            ));
        }
        files.insert(digest.to_owned(), blob);
    }
    Ok(Contents {
        access: manifest.access,
        artifacts: manifest.artifacts,
        files,
    })
}

/// Returns whether a digest in the name of a file is the SHA-256 of the first format, which has no
/// prefix.
fn is_sha256(digest: &str) -> bool {
    !digest.contains('-')
}

fn has_digest(blob: &Blob, digest: &str) -> bool {
    if is_sha256(digest) {
        let sha256 = blob.sha256().map(|sha256| sha256.to_string());
        return sha256.as_deref() == Some(digest);
    }
    blob.digest().to_string() == digest
}

/// An iterator over the regular files of an archive, with their names.
struct Plain<'a, R: Read>(tar::Entries<'a, R>);

impl<'a, R: Read> Plain<'a, R> {
    fn next(&mut self) -> Result<Option<(String, Entry<'a, R>)>, SnapshotError> {
        while let Some(entry) = self.0.next().transpose()? {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            match entry.header().entry_type() {
                EntryType::Regular => return Ok(Some((name, entry))),
                EntryType::Directory => {}
                EntryType::XHeader | EntryType::XGlobalHeader => check_extension(&name, entry)?,
                other => return Err(SnapshotError::entry(&name, kind(other))),
            }
        }
        Ok(None)
    }
}

/// Checks an extended header. Other programs store times and owners in it, which are ignored. A
/// header that changes an entry's name, length or form is refused.
fn check_extension(name: &str, mut entry: Entry<'_, impl Read>) -> Result<(), SnapshotError> {
    let refused = |why| Err(SnapshotError::entry(name, why));
    if entry.size() > MOST_OF_EXTENSION {
        return refused("a header that is too large");
    }
    let mut text = Vec::new();
    entry.read_to_end(&mut text)?;
    for extension in PaxExtensions::new(&text) {
        let extension = extension?;
        let key = extension.key_bytes();
        if matches!(key, b"path" | b"size") || key.starts_with(b"GNU.sparse.") {
            return refused("a header that changes the name, length or form of the next entry");
        }
    }
    Ok(())
}

fn kind(other: EntryType) -> &'static str {
    match other {
        EntryType::GNUSparse => "a file with holes",
        EntryType::GNULongName | EntryType::GNULongLink => "a long name",
        EntryType::Symlink | EntryType::Link => "a link",
        _ => "neither a file nor a folder",
    }
}

fn read_manifest(mut entry: Entry<'_, impl Read>) -> Result<Manifest, SnapshotError> {
    #[derive(serde::Deserialize)]
    struct Form {
        format: u32,
    }
    if entry.size() > MOST_OF_MANIFEST {
        let why = "too large for this emulator";
        return Err(SnapshotError::entry(MANIFEST, why));
    }
    let mut text = String::new();
    entry.read_to_string(&mut text)?;
    // The format comes first, since a manifest of another format may fail to parse otherwise.
    let Form { format } = serde_json::from_str(&text)?;
    if !(OLDEST_FORMAT..=FORMAT).contains(&format) {
        return Err(SnapshotError::Format(format));
    }
    Ok(serde_json::from_str(&text)?)
}
