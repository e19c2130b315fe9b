//! Streams a dataset as an archive.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

use super::header::{BLOCK, end, padding, write};
use super::{Earlier, FILES, FORMAT, INCREMENT_FORMAT, MANIFEST, MOST_OF_MANIFEST, Manifest};
use crate::storage::{Blob, Contents};

/// A dataset at one moment. The snapshot shares the bytes of the files, which are written to the
/// archive as the client reads it.
#[derive(Debug)]
pub(crate) struct Snapshot {
    manifest: Bytes,
    files: Vec<Blob>,
}

impl Snapshot {
    /// Serialises the manifest of these contents, and leaves out the files that an earlier backup has.
    pub(super) fn of(contents: Contents, earlier: Option<Earlier>) -> io::Result<Self> {
        let is_new = |file: &Blob| match &earlier {
            Some(Earlier(digests)) => !digests.contains(&file.digest()),
            None => true,
        };
        let manifest = serde_json::to_vec(&Manifest {
            format: match earlier {
                Some(_) => INCREMENT_FORMAT,
                None => FORMAT,
            },
            increment: earlier.is_some(),
            access: contents.access,
            artifacts: contents.artifacts,
        })?;
        if manifest.len() as u64 > MOST_OF_MANIFEST {
            return Err(io::Error::other(format!(
                "the emulator has more versions than a snapshot can hold: {MANIFEST} would be larger \
                 than the {MOST_OF_MANIFEST} bytes that are restored"
            )));
        }
        Ok(Self {
            manifest: manifest.into(),
            files: contents.files.into_values().filter(is_new).collect(),
        })
    }

    /// Returns the length of the archive in bytes.
    pub(crate) fn len(&self) -> u64 {
        const BLOCK_LEN: u64 = BLOCK as u64;
        let entry = |len: u64| BLOCK_LEN + len.next_multiple_of(BLOCK_LEN);
        let files: u64 = self.files.iter().map(|file| entry(file.len())).sum();
        entry(self.manifest.len() as u64) + files + end().len() as u64
    }

    /// Returns the archive, part by part. It ends early with an error where the bytes of a file are not those of
    /// its digest: an archive that is whole can be restored.
    pub(crate) fn parts(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        let manifest = self.manifest;
        let len = manifest.len() as u64;
        let files = stream::iter(self.files).flat_map(|file| {
            let name = format!("{FILES}{}", file.digest());
            once(write(&name, file.len()))
                .chain(file.verified())
                .chain(once(Ok(padding(file.len()))))
        });
        once(write(MANIFEST, len))
            .chain(once(Ok(manifest)))
            .chain(once(Ok(padding(len))))
            .chain(files)
            .chain(once(Ok(end())))
    }
}

fn once(part: io::Result<Bytes>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::iter([part])
}
