//! The bytes of an upload, to be had again for every attempt.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;

use super::archive::Archive;
use super::gzip::{self, Blocks};
use crate::digest::{Algorithm, Digest, HashingWriter};

/// Small enough to be in a core's cache still when it is sent, or hashed.
const CHUNK: usize = 64 * 1024;

/// What is uploaded. Clones share it.
#[derive(Debug, Clone)]
pub struct Payload {
    content: Arc<Content>,
    length: u64,
    digest: Option<Digest>,
}

/// Where the bytes are.
#[derive(Debug)]
pub(super) enum Content {
    Memory(Bytes),
    File(File),
    /// Nowhere: they are made, without compression, each time.
    Stored(Archive),
}

impl Payload {
    pub(super) fn new(content: Content, length: u64, digest: Option<Digest>) -> Self {
        Self {
            content: Arc::new(content),
            length,
            digest,
        }
    }

    /// The same with its digest.
    pub(super) fn hashed(self) -> io::Result<Self> {
        let digest = Some(self.digest_in(Algorithm::default())?);
        Ok(Self { digest, ..self })
    }

    /// The size in bytes; an archive is never empty, and neither is a gzip file.
    #[expect(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// The digest of all bytes; `None` when it was not wanted.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The digest by this algorithm; unless it is the known one, all bytes are read for it. Blocks.
    ///
    /// # Errors
    /// Those of [`Self::for_each_chunk`].
    pub fn digest_in(&self, algorithm: Algorithm) -> io::Result<Digest> {
        let known = self.digest.filter(|known| known.algorithm() == algorithm);
        if let Some(known) = known {
            return Ok(known);
        }
        let mut hashing = HashingWriter::new(algorithm, io::sink());
        self.for_each_chunk(&mut |chunk| hashing.write_all(&chunk))?;
        Ok(hashing.finish().1)
    }

    /// Hands out all bytes in order, exactly as many as [`Self::len`] says, whatever other clones do
    /// meanwhile. Blocks.
    ///
    /// # Errors
    /// That of `take`, which ends it; or a file that cannot be read, or changed since it was packed.
    pub fn for_each_chunk(&self, take: &mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
        let mut left = self.length;
        let mut counted = |chunk: Bytes| {
            left = left.checked_sub(chunk.len() as u64).ok_or_else(changed)?;
            take(chunk)
        };
        match &*self.content {
            Content::Memory(bytes) => in_pieces(bytes, &mut counted)?,
            Content::File(file) => read(file, self.length, &mut counted)?,
            Content::Stored(archive) => archived(archive, &mut counted)?,
        }
        if left > 0 { Err(changed()) } else { Ok(()) }
    }
}

fn changed() -> io::Error {
    io::Error::other("the files changed since they were looked at")
}

fn in_pieces(all: &Bytes, take: &mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
    let starts = (0..all.len()).step_by(CHUNK);
    starts
        .map(|start| all.slice(start..all.len().min(start + CHUNK)))
        .try_for_each(take)
}

/// By position, since clones share the file.
fn read(file: &File, length: u64, take: &mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
    let mut offset = 0;
    while offset < length {
        let wanted = usize::try_from(length - offset).map_or(CHUNK, |left| left.min(CHUNK));
        let mut buffer = vec![0; wanted];
        match read_some(file, &mut buffer, offset) {
            Ok(0) => return Err(changed()),
            Ok(read) => {
                buffer.truncate(read);
                offset += read as u64;
                take(buffer.into())?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn archived(archive: &Archive, take: &mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
    let mut put = |block: Vec<u8>| take(block.into());
    let mut chunks = Blocks::new(CHUNK, &mut put);
    let written = gzip::store(&mut chunks, |tar| archive.write(tar));
    written.map_err(io::Error::other)?;
    chunks.finish()
}

#[cfg(unix)]
fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
