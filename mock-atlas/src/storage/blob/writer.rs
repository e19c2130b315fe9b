//! Collects, hashes and spills the bytes of a file as they arrive.

use std::io;
use std::mem::take;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, LazyLock, OnceLock};
use std::thread;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::{Blob, BlobId, CHUNK, Chunks, Contents, Location, UnnamedFile};
use crate::domain::Digest;

/// Permits for hashing threads: this process hashes on as many threads at a time as there are
/// processors.
static PROCESSORS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(thread::available_parallelism().map_or(1, NonZeroUsize::get)));

/// The number of chunks that one job on another thread hashes.
const BATCH: usize = 4;

/// The size in bytes from which hashing on another thread is worth it.
const LARGE: u64 = (BATCH * CHUNK) as u64;

/// A writer that collects the bytes of a file as they arrive, and hashes them.
///
/// The writer copies the bytes into chunks of its own: a small slice would keep its whole network
/// buffer alive, which takes several times the memory.
#[derive(Debug, Default)]
pub(crate) struct BlobWriter {
    chunks: Chunks,
    /// The file on disk that completed chunks are written to, and the number of bytes in it.
    disk: Option<(Arc<UnnamedFile>, u64)>,
    current: Vec<u8>,
    hasher: Sha256,
    /// Whether to hash a large file on another thread.
    may_hash_in_parallel: bool,
    parallel: Option<ParallelHash>,
    len: u64,
}

/// The state of hashing on another thread.
#[derive(Debug, Default)]
struct ParallelHash {
    /// The running job, which owns the hasher until it ends.
    job: Option<JoinHandle<Sha256>>,
    waiting: Vec<Bytes>,
}

impl BlobWriter {
    /// Creates a writer that hashes the later chunks of a large file on another thread, while the
    /// next ones arrive: hashing takes as long as everything else that an upload needs. The caller
    /// calls [`BlobWriter::hash_in_parallel`] after each write, and [`BlobWriter::close`] at the
    /// end.
    pub(crate) fn parallel() -> Self {
        Self {
            // `spawn_blocking` needs tokio's runtime.
            may_hash_in_parallel: Handle::try_current().is_ok(),
            ..Self::default()
        }
    }

    /// Hashes and counts bytes without keeping them.
    pub(crate) fn hash(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
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
                self.hasher.update(now);
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
        let Some(parallel) = &mut self.parallel else {
            return Ok(());
        };
        if parallel.waiting.len() < BATCH {
            return Ok(());
        }
        if let Some(job) = parallel.job.take() {
            self.hasher = job.await?;
        }
        // The semaphore is never closed, so `acquire` does not fail.
        let permit = PROCESSORS.acquire().await.ok();
        let (mut hasher, chunks) = (take(&mut self.hasher), take(&mut parallel.waiting));
        parallel.job = Some(spawn_blocking(move || {
            chunks.iter().for_each(|chunk| hasher.update(chunk));
            drop(permit);
            hasher
        }));
        Ok(())
    }

    /// Awaits the last job, and hashes the remaining bytes on this thread.
    async fn finish_hash(&mut self) -> Result<(), JoinError> {
        let Some(ParallelHash { job, waiting }) = self.parallel.take() else {
            return Ok(());
        };
        if let Some(job) = job {
            self.hasher = job.await?;
        }
        waiting.iter().for_each(|chunk| self.hasher.update(chunk));
        self.hasher.update(&self.current);
        Ok(())
    }

    /// Returns the number of bytes that were written so far.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the digest of all bytes that were written or hashed.
    pub(crate) fn digest(self) -> Digest {
        self.hasher.into()
    }

    /// Moves the bytes to a file without a name in `folder`, where later bytes go as well.
    ///
    /// # Errors
    /// When the file cannot be created or written.
    pub(crate) async fn spill(&mut self, folder: &Path) -> io::Result<()> {
        let folder = folder.to_owned();
        let file = spawn_blocking(|| tempfile::tempfile_in(folder)).await??;
        self.disk = Some((Arc::new(UnnamedFile(Some(file))), 0));
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
    pub(crate) async fn close(mut self) -> io::Result<Blob> {
        self.finish_hash().await?;
        self.end_chunk();
        self.flush().await?;
        Ok(self.finish())
    }

    /// Returns the finished blob without flushing. A writer that has spilled must use
    /// [`BlobWriter::close`] instead.
    pub(crate) fn finish(mut self) -> Blob {
        self.end_chunk();
        Blob(Arc::new(Contents {
            id: BlobId::new(),
            location: match self.disk {
                Some((file, _)) => Location::Disk(file),
                None => Location::Memory(self.chunks),
            },
            len: self.len,
            digest: self.hasher.into(),
            reservation: OnceLock::new(),
        }))
    }

    fn end_chunk(&mut self) {
        if !self.current.is_empty() {
            let mut chunk = take(&mut self.current);
            chunk.shrink_to_fit();
            let chunk = Bytes::from(chunk);
            if let Some(parallel) = &mut self.parallel {
                parallel.waiting.push(chunk.clone());
            } else if self.may_hash_in_parallel && self.len >= LARGE {
                self.parallel = Some(ParallelHash::default());
            }
            self.chunks.0.push(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_hashed_on_another_thread_has_the_same_digest() {
        let chunks = LARGE as usize / CHUNK + 3 * BATCH;
        for (len, step) in [
            (chunks * CHUNK + 5, CHUNK / 2 + 1),
            (chunks * CHUNK, CHUNK),
            (LARGE as usize, 3 * CHUNK),
            (LARGE as usize + 1, 3 * CHUNK),
        ] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
            let mut writer = BlobWriter::parallel();
            for part in bytes.chunks(step) {
                writer.write(part);
                writer.hash_in_parallel().await.unwrap();
            }
            let is_parallel = writer.parallel.is_some();
            assert_eq!(is_parallel, len >= LARGE as usize);
            let digest = writer.close().await.unwrap().digest();
            assert!(
                digest == Digest::of(&bytes),
                "{len} bytes in parts of {step}"
            );
        }
    }
}
