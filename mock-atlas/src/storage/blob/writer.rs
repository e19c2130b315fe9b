//! Collects, hashes and spills the bytes of a file as they arrive.

use std::fs::File;
use std::io::{self, Read};
use std::mem::take;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::{JoinError, spawn_blocking};

use super::hashing::{Checksums, Hashers, Hashes, LARGE, ParallelHash};
use super::{Blob, BlobId, CHUNK, Chunks, Contents, Location, OpenFile};
use crate::domain::Checksum;

/// A writer that collects the bytes of a file as they arrive, and hashes them.
///
/// The writer copies the bytes into chunks of its own: a small slice would keep its whole network
/// buffer alive, which takes several times the memory.
#[derive(Debug, Default)]
pub(crate) struct BlobWriter {
    chunks: Chunks,
    /// The file on disk that completed chunks are written to, and the number of bytes in it.
    disk: Option<(Arc<OpenFile>, u64)>,
    current: Vec<u8>,
    // Boxed, because the state of BLAKE3 is large.
    hashers: Box<Hashers>,
    /// Whether to hash a large file on another thread.
    may_hash_in_parallel: bool,
    parallel: Option<ParallelHash>,
    len: u64,
}

/// A finished file.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) blob: Blob,
    /// The checksum of the kind in [`Checksums::told`].
    pub(crate) told: Option<Checksum>,
}

impl BlobWriter {
    /// Creates a writer that computes these checksums besides the digest.
    pub(crate) fn new(checksums: Checksums) -> Self {
        Self {
            hashers: Box::new(Hashers::new(checksums)),
            ..Self::default()
        }
    }

    /// Creates a writer that hashes the later chunks of a large file on another thread, while the
    /// next ones arrive: hashing takes as long as everything else that an upload needs. The caller
    /// calls [`BlobWriter::hash_in_parallel`] after each write, and [`BlobWriter::close`] at the
    /// end.
    pub(crate) fn parallel(checksums: Checksums) -> Self {
        Self {
            // `spawn_blocking` needs tokio's runtime.
            may_hash_in_parallel: Handle::try_current().is_ok(),
            ..Self::new(checksums)
        }
    }

    /// Returns the bytes of a file on disk, which stay there. Blocks while it reads the file to its end
    /// for the digest and the checksums.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn of_file(mut file: File, checksums: Checksums) -> io::Result<Written> {
        let mut writer = Self::new(checksums);
        let mut buffer = vec![0; CHUNK];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                len => writer.hash(&buffer[..len]),
            }
        }
        writer.disk = Some((Arc::new(OpenFile(Some(file))), writer.len));
        Ok(writer.written())
    }

    /// Hashes and counts bytes without keeping them.
    pub(crate) fn hash(&mut self, bytes: &[u8]) {
        self.hashers.update(bytes);
        self.len += bytes.len() as u64;
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.current.capacity() == 0 {
                self.current.reserve_exact(CHUNK);
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.current.len()));
            self.current.extend_from_slice(now);
            self.len += now.len() as u64;
            if self.parallel.is_none() {
                self.hashers.update(now);
            }
            if self.current.len() == CHUNK {
                self.end_chunk();
            }
            bytes = later;
        }
    }

    /// Starts hashing the waiting chunks on another thread, once there are enough of them. Awaits
    /// the end of the previous job, and a permit for a processor.
    ///
    /// # Errors
    /// When the runtime ends.
    pub(crate) async fn hash_in_parallel(&mut self) -> Result<(), JoinError> {
        match &mut self.parallel {
            Some(parallel) => parallel.advance(&mut self.hashers).await,
            None => Ok(()),
        }
    }

    /// Returns the number of bytes that were written so far.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the digest and the checksums of all bytes that were written or hashed.
    pub(crate) fn hashes(self) -> Hashes {
        self.hashers.finish()
    }

    /// Moves the bytes to a file without a name in `folder`, where later bytes go as well.
    ///
    /// # Errors
    /// When the file cannot be created or written.
    pub(crate) async fn spill(&mut self, folder: &Path) -> io::Result<()> {
        let folder = folder.to_owned();
        let file = spawn_blocking(|| tempfile::tempfile_in(folder)).await??;
        self.disk = Some((Arc::new(OpenFile(Some(file))), 0));
        self.flush().await
    }

    /// Writes the completed chunks to disk, if the writer has spilled. Less than a chunk stays in
    /// memory.
    ///
    /// # Errors
    /// When writing fails. The writer cannot be used any more then.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        let Some((file, written)) = &mut self.disk else {
            return Ok(());
        };
        if self.chunks.0.is_empty() {
            return Ok(());
        }
        let chunks = take(&mut self.chunks.0);
        let mut at = *written;
        *written += chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        let file = Arc::clone(file);
        let write = move || {
            chunks.iter().try_for_each(|chunk| {
                file.get()?.write_all_at(chunk, at)?;
                at += chunk.len() as u64;
                Ok(())
            })
        };
        spawn_blocking(write).await?
    }

    /// Returns the finished blob; on disk if the writer has spilled.
    ///
    /// # Errors
    /// The errors of [`BlobWriter::flush`].
    pub(crate) async fn close(mut self) -> io::Result<Written> {
        if let Some(parallel) = self.parallel.take() {
            parallel.finish(&mut self.hashers, &self.current).await?;
        }
        self.end_chunk();
        self.flush().await?;
        Ok(self.written())
    }

    /// Returns the finished blob without flushing. A writer that has spilled must use
    /// [`BlobWriter::close`] instead.
    pub(crate) fn finish(self) -> Blob {
        self.written().blob
    }

    fn written(mut self) -> Written {
        self.end_chunk();
        let hashes = self.hashers.finish();
        let blob = Blob(Arc::new(Contents {
            id: BlobId::new(),
            location: match self.disk {
                Some((file, _)) => Location::Disk(file),
                None => Location::Memory(self.chunks),
            },
            len: self.len,
            digest: hashes.digest,
            sha256: OnceCell::new_with(hashes.sha256),
            reservation: OnceLock::new(),
        }));
        let told = hashes.told;
        Written { blob, told }
    }

    fn end_chunk(&mut self) {
        if !self.current.is_empty() {
            let mut chunk = take(&mut self.current);
            chunk.shrink_to_fit();
            let chunk = Bytes::from(chunk);
            if let Some(parallel) = &mut self.parallel {
                parallel.push(chunk.clone());
            } else if self.may_hash_in_parallel && self.len >= LARGE {
                self.parallel = Some(ParallelHash::default());
            }
            self.chunks.0.push(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hashing::BATCH;
    use super::*;
    use crate::domain::{ChecksumHasher, ChecksumKind, Digest};

    fn checksum(kind: ChecksumKind, bytes: &[u8]) -> Checksum {
        let mut hasher = ChecksumHasher::new(kind);
        hasher.update(bytes);
        hasher.finish()
    }

    #[tokio::test]
    async fn what_is_hashed_on_another_thread_has_the_same_digest_and_checksums() {
        let chunks = LARGE as usize / CHUNK + 3 * BATCH;
        for (len, step) in [
            (chunks * CHUNK + 5, CHUNK / 2 + 1),
            (chunks * CHUNK, CHUNK),
            (LARGE as usize, 3 * CHUNK),
            (LARGE as usize + 1, 3 * CHUNK),
        ] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
            let mut writer = BlobWriter::parallel(Checksums {
                sha256: true,
                told: Some(ChecksumKind::Md5),
            });
            for part in bytes.chunks(step) {
                writer.write(part);
                writer.hash_in_parallel().await.unwrap();
            }
            let is_parallel = writer.parallel.is_some();
            assert_eq!(is_parallel, len >= LARGE as usize);
            let Written { blob, told } = writer.close().await.unwrap();
            assert!(
                blob.digest() == Digest::of(&bytes),
                "{len} bytes in parts of {step}"
            );
            assert_eq!(told, Some(checksum(ChecksumKind::Md5, &bytes)));
            let sha256 = blob.sha256().map(Checksum::from);
            assert_eq!(sha256, Some(checksum(ChecksumKind::Sha256, &bytes)));
        }
    }
}
