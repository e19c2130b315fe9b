//! The bytes of an upload: a file that is there to be read again for every attempt.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;

use crate::digest::Digest;

/// What is uploaded. Clones share the file.
#[derive(Debug, Clone)]
pub struct Payload {
    file: Arc<File>,
    length: u64,
    digest: Digest,
}

impl Payload {
    pub(super) fn new(file: File, length: u64, digest: Digest) -> Self {
        Self {
            file: Arc::new(file),
            length,
            digest,
        }
    }

    /// The size in bytes; an archive is never empty, and neither is a gzip file.
    #[expect(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// The SHA-256 of all bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Exactly `length` bytes from `offset` on, whatever other clones read meanwhile. Blocks.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file has become shorter.
    pub fn read_at(&self, offset: u64, length: u64) -> io::Result<Bytes> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut buffer = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match read_some(&self.file, &mut buffer[filled..], offset + filled as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
        }
        Ok(buffer.into())
    }
}

/// A reader of its own position, from the beginning.
pub(super) fn from_start(mut file: &File) -> io::Result<impl Read> {
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

#[cfg(unix)]
fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
