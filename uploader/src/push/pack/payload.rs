//! The bytes of an upload, which every attempt can read again.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::archive::Archive;
use super::fingerprint::{Fingerprint, changed};
use super::gzip::{self, Blocks};
use crate::api::UploadSource;
use crate::base::digest::{Algorithm, Digest, HashingWriter};

/// The size of a chunk, small enough to be still in a core's cache when it is sent or hashed.
const CHUNK: usize = 64 * 1024;

/// The bytes of an upload. Clones share them.
#[derive(Debug, Clone)]
pub struct Payload {
    content: Arc<Content>,
    length: u64,
    digest: Option<Digest>,
}

/// The location of the bytes.
#[derive(Debug)]
pub(super) enum Content {
    Memory(Bytes),
    /// A temporary file that no other process can open.
    Spooled(File),
    /// A file of the user.
    LocalFile(LocalFile),
    /// An archive that is not kept: it is made anew, without compression, for each use.
    Stored(Archive),
}

/// A file that other processes may write to, with its fingerprint at opening.
#[derive(Debug)]
pub(super) struct LocalFile {
    file: File,
    path: PathBuf,
    fingerprint: Fingerprint,
}

impl LocalFile {
    pub(super) fn new(file: File, path: &Path) -> io::Result<Self> {
        let fingerprint = Fingerprint::of(&file.metadata()?);
        let path = path.to_owned();
        Ok(Self {
            file,
            path,
            fingerprint,
        })
    }

    /// Returns the size in bytes at opening.
    pub(super) fn length(&self) -> u64 {
        self.fingerprint.length()
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl Payload {
    pub(super) fn new(content: Content, length: u64, digest: Option<Digest>) -> Self {
        Self {
            content: Arc::new(content),
            length,
            digest,
        }
    }

    /// Returns the payload with its digest by an algorithm.
    pub(super) fn hashed(self, algorithm: Algorithm) -> io::Result<Self> {
        let digest = Some(self.digest_in(algorithm)?);
        Ok(Self { digest, ..self })
    }

    /// Returns the size in bytes; neither an archive nor a gzip file is ever empty.
    #[expect(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Returns the digest of all bytes; `None` when it was not wanted.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Returns the digest by this algorithm; reads all bytes unless this digest is known. This blocks.
    ///
    /// # Errors
    /// The errors of [`Self::for_each_chunk`].
    pub fn digest_in(&self, algorithm: Algorithm) -> io::Result<Digest> {
        let known = self.digest.filter(|known| known.algorithm() == algorithm);
        if let Some(known) = known {
            return Ok(known);
        }
        let mut hashing = HashingWriter::new(algorithm, io::sink());
        self.for_each_chunk(&mut |chunk| hashing.write_all(&chunk))?;
        Ok(hashing.finish().1)
    }

    fn is_ours(&self) -> bool {
        matches!(&*self.content, Content::Memory(_) | Content::Spooled(_))
    }

    /// Passes all bytes to `take` in order, exactly as many as [`Self::len`] says, whatever other clones do
    /// meanwhile. This blocks.
    ///
    /// # Errors
    /// The error of `take`, which ends the reading; or an error for a file that cannot be read, or has changed
    /// since it was packed.
    pub fn for_each_chunk(&self, take: &mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
        let mut left = self.length;
        let mut counted = |chunk: Bytes| {
            let rest = left.checked_sub(chunk.len() as u64);
            left = rest.ok_or_else(|| self.changed())?;
            take(chunk)
        };
        match &*self.content {
            Content::Memory(bytes) => in_pieces(bytes, &mut counted)?,
            Content::Spooled(file) => read(file, self.length, &mut counted)?,
            Content::LocalFile(given) => {
                read(&given.file, self.length, &mut counted)
                    .and_then(|()| given.fingerprint.check(&given.path))
                    .map_err(|error| named(&given.path, &error))?;
            }
            Content::Stored(archive) => archived(archive, &mut counted)?,
        }
        if left > 0 {
            Err(self.changed())
        } else {
            Ok(())
        }
    }

    fn changed(&self) -> io::Error {
        match &*self.content {
            Content::LocalFile(given) => named(&given.path, &changed()),
            _ => io::Error::other("the files have changed since they were examined"),
        }
    }
}

impl UploadSource for Payload {
    fn len(&self) -> u64 {
        self.length
    }

    /// Passes all bytes to `take` as [`Self::for_each_chunk`] does, for an upload. The last chunk is held back
    /// until the digest of all bytes is verified, so that no server takes changed bytes for a complete file.
    /// This blocks.
    ///
    /// # Errors
    /// The errors of [`Self::for_each_chunk`], and an error for bytes with another digest.
    fn send(&self, take: &mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
        // Bytes in memory or in the spool cannot change; without a digest there is nothing to compare.
        let announced = self.digest.filter(|_| !self.is_ours());
        let mut hashing =
            announced.map(|digest| HashingWriter::new(digest.algorithm(), io::sink()));
        let mut last = None;
        self.for_each_chunk(&mut |chunk| {
            if let Some(hashing) = &mut hashing {
                hashing.write_all(&chunk)?;
            }
            last.replace(chunk).map_or(Ok(()), &mut *take)
        })?;
        if hashing.map(|hashing| hashing.finish().1) != announced {
            return Err(self.changed());
        }
        last.map_or(Ok(()), take)
    }
}

fn in_pieces(all: &Bytes, take: &mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
    let starts = (0..all.len()).step_by(CHUNK);
    starts
        .map(|start| all.slice(start..all.len().min(start + CHUNK)))
        .try_for_each(take)
}

/// Reads by position, since clones share the file and would share a cursor.
fn read(file: &File, length: u64, take: &mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
    let mut offset = 0;
    while offset < length {
        let wanted = usize::try_from(length - offset).map_or(CHUNK, |left| left.min(CHUNK));
        let mut buffer = vec![0; wanted];
        match read_some(file, &mut buffer, offset) {
            // The caller detects that bytes are missing.
            Ok(0) => return Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, FileTimes};

    /// Returns several chunks with different contents.
    fn bytes() -> Vec<u8> {
        let numbers = 0..4 * CHUNK as u32 / 4;
        numbers.flat_map(u32::to_le_bytes).collect()
    }

    fn given(path: &Path, hashed: bool) -> Payload {
        let given = LocalFile::new(File::open(path).unwrap(), path).unwrap();
        let length = given.length();
        let payload = Payload::new(Content::LocalFile(given), length, None);
        if hashed {
            payload.hashed(Algorithm::default()).unwrap()
        } else {
            payload
        }
    }

    /// Sends a file that changes after its first chunk; returns the sent bytes and the result.
    fn sent(hashed: bool, change: impl Fn(&Path)) -> (Vec<u8>, io::Result<()>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.gz");
        fs::write(&path, bytes()).unwrap();
        let mut sent = Vec::new();
        let result = given(&path, hashed).send(&mut |chunk| {
            if sent.is_empty() {
                change(&path);
            }
            sent.extend(chunk);
            Ok(())
        });
        (sent, result)
    }

    fn overwrite(path: &Path) {
        let times = fs::metadata(path).unwrap().modified().unwrap();
        let file = File::options().write(true).open(path).unwrap();
        (&file).write_all(&vec![7; bytes().len()]).unwrap();
        // Some tools restore a file's times after writing to it.
        file.set_times(FileTimes::new().set_modified(times))
            .unwrap();
    }

    fn append(path: &Path) {
        let mut file = File::options().append(true).open(path).unwrap();
        file.write_all(b"more").unwrap();
    }

    fn shorten(path: &Path) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(3 * CHUNK as u64).unwrap();
    }

    fn replace(path: &Path) {
        let other = path.with_extension("new");
        fs::copy(path, &other).unwrap();
        fs::rename(other, path).unwrap();
    }

    #[test]
    fn a_file_that_nobody_touches_is_sent_as_it_is() {
        for hashed in [true, false] {
            let (sent, result) = sent(hashed, |_| ());
            result.unwrap();
            assert!(sent == bytes());
        }
    }

    #[test]
    fn the_last_bytes_of_a_file_that_changes_meanwhile_are_not_sent() {
        let changes = [
            ("overwritten", overwrite as fn(&Path)),
            ("longer", append),
            ("shorter", shorten),
            ("replaced", replace),
        ];
        for (what, change) in changes {
            for hashed in [true, false] {
                let (sent, result) = sent(hashed, change);
                let error = result.unwrap_err().to_string();
                assert!(error.contains("disk.gz: changed"), "{what}: {error}");
                assert!(sent.len() < bytes().len(), "{what}");
            }
        }
    }
}
