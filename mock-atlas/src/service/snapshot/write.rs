//! Streams a dataset as an archive.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tar::Header;

use super::{FILES, FORMAT, MANIFEST, MOST_OF_MANIFEST, Manifest};
use crate::storage::{Blob, Contents};

/// The block size of tar archives, which end with two empty blocks.
const BLOCK: u64 = 512;

/// A dataset at one moment. The snapshot shares the bytes of the files, which are written to the
/// archive as the client reads it.
#[derive(Debug)]
pub(crate) struct Snapshot {
    manifest: Bytes,
    files: Vec<Blob>,
}

impl Snapshot {
    /// Serialises the manifest of these contents.
    pub(super) fn of(contents: Contents) -> io::Result<Self> {
        let manifest = serde_json::to_vec(&Manifest {
            format: FORMAT,
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
            files: contents.files.into_values().collect(),
        })
    }

    /// Returns the length of the archive in bytes.
    pub(crate) fn len(&self) -> u64 {
        let entry = |len: u64| BLOCK + len.next_multiple_of(BLOCK);
        let files: u64 = self.files.iter().map(|file| entry(file.len())).sum();
        entry(self.manifest.len() as u64) + files + 2 * BLOCK
    }

    /// Returns the archive, part by part.
    pub(crate) fn parts(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        let manifest = self.manifest;
        let len = manifest.len() as u64;
        let files = stream::iter(self.files).flat_map(|file| {
            let name = format!("{FILES}{}", file.digest());
            once(header(&name, file.len()))
                .chain(file.stream(0..file.len()))
                .chain(once(Ok(padding(file.len()))))
        });
        once(header(MANIFEST, len))
            .chain(once(Ok(manifest)))
            .chain(once(Ok(padding(len))))
            .chain(files)
            .chain(once(Ok(Bytes::from_static(&[0; 2 * BLOCK as usize]))))
    }
}

fn once(part: io::Result<Bytes>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::iter([part])
}

fn header(name: &str, len: u64) -> io::Result<Bytes> {
    let mut header = Header::new_gnu();
    header.set_path(name)?;
    header.set_size(len);
    header.set_mode(0o600);
    header.set_cksum();
    Ok(Bytes::copy_from_slice(header.as_bytes()))
}

fn padding(len: u64) -> Bytes {
    static ZEROS: [u8; BLOCK as usize] = [0; BLOCK as usize];
    // The padding is less than a block, so the index is in range.
    let missing = (len.next_multiple_of(BLOCK) - len) as usize;
    Bytes::from_static(&ZEROS[..missing])
}
