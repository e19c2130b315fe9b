//! Writes a blob: collects, hashes and spills the bytes of a file as they come.

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

/// As many threads of this process may hash at a time as there are processors.
static PROCESSORS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(thread::available_parallelism().map_or(1, NonZeroUsize::get)));

/// So many chunks are hashed at a time on another thread.
const BATCH: usize = 4;

/// From here on, in bytes, that is worth it.
const LARGE: u64 = (BATCH * CHUNK) as u64;

/// Takes the bytes of a file as they arrive, hashing each as it passes.
///
/// What arrives is copied into chunks of its own: a network buffer kept alive by a small slice
/// would hold several times the memory of what it carries.
#[derive(Debug, Default)]
pub(crate) struct BlobWriter {
    chunks: Chunks,
    /// Where the chunks go from time to time, and how many bytes are there.
    disk: Option<(Arc<UnnamedFile>, u64)>,
    current: Vec<u8>,
    hasher: Sha256,
    /// Whether a large file is to be hashed on another thread.
    may_hash_in_parallel: bool,
    parallel: Option<ParallelHash>,
    len: u64,
}

/// What is hashed on another thread.
#[derive(Debug, Default)]
struct ParallelHash {
    /// Has the hasher meanwhile.
    job: Option<JoinHandle<Sha256>>,
    waiting: Vec<Bytes>,
}

impl BlobWriter {
    /// A writer that hashes the later chunks of a large file on another thread, while the next ones
    /// come: to hash takes as long as all else that is done for an upload. Whoever writes calls
    /// [`BlobWriter::hash_in_parallel`] each time, and [`BlobWriter::close`] in the end.
    pub(crate) fn parallel() -> Self {
        Self {
            // Under another executor than tokio's there is no such thread.
            may_hash_in_parallel: Handle::try_current().is_ok(),
            ..Self::default()
        }
    }

    /// Hashes bytes as if they were appended, and keeps none.
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

    /// Lets another thread hash what waits for it, once it is done with what it has, and once a
    /// processor is free for it.
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
        // It is never closed.
        let permit = PROCESSORS.acquire().await.ok();
        let (mut hasher, chunks) = (take(&mut self.hasher), take(&mut parallel.waiting));
        parallel.job = Some(spawn_blocking(move || {
            chunks.iter().for_each(|chunk| hasher.update(chunk));
            drop(permit);
            hasher
        }));
        Ok(())
    }

    /// Waits for the other thread, and hashes here what it has not seen.
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

    /// How many bytes were written so far.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The digest of all that was written or hashed.
    pub(crate) fn digest(self) -> Digest {
        self.hasher.into()
    }

    /// Puts what there is and what comes into a file without a name in a folder.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) async fn spill(&mut self, folder: &Path) -> io::Result<()> {
        let folder = folder.to_owned();
        let file = spawn_blocking(|| tempfile::tempfile_in(folder)).await??;
        self.disk = Some((Arc::new(UnnamedFile(Some(file))), 0));
        self.flush().await
    }

    /// Writes what is to be on disk there, all but less than a chunk.
    ///
    /// # Errors
    /// What the system says. There is no going on then.
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

    /// The finished blob, on disk if it is to be there.
    ///
    /// # Errors
    /// Those of [`BlobWriter::flush`].
    pub(crate) async fn close(mut self) -> io::Result<Blob> {
        self.finish_hash().await?;
        self.end_chunk();
        self.flush().await?;
        Ok(self.finish())
    }

    /// The finished blob, in memory.
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
