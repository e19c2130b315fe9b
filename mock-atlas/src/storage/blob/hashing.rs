//! Hashes the bytes of a file: as they arrive, the later ones on other threads; or later, if a
//! client asks for another digest.

use std::io;
use std::mem::take;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::LazyLock;
use std::thread;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::CHUNK;
use crate::domain::{BOX_TYPE, Checksum, ChecksumHasher, ChecksumKind, Digest, Name, Sha256Digest};

/// Permits for hashing threads: this process hashes on as many threads at a time as there are
/// processors.
static PROCESSORS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(thread::available_parallelism().map_or(1, NonZeroUsize::get)));

/// The number of chunks that one job on another thread hashes.
pub(super) const BATCH: usize = 4;

/// The size in bytes from which hashing on another thread is worth it.
pub(super) const LARGE: u64 = (BATCH * CHUNK) as u64;

/// The checksums to compute of bytes as they pass, besides their [`Digest`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checksums {
    /// Whether to compute the SHA-256, which [`Blob::sha256`](super::Blob::sha256) returns then.
    pub(crate) sha256: bool,
    /// A kind of checksum that is compared with that of a client.
    pub(crate) told: Option<ChecksumKind>,
}

impl Checksums {
    /// Returns the checksums that a file of this artifact type needs: the SHA-256 of a box is shown to
    /// clients, which compare it with what they download.
    pub(crate) fn of_type(artifact_type: &Name) -> Self {
        Self {
            sha256: artifact_type.as_str() == BOX_TYPE,
            told: None,
        }
    }
}

/// The digest and the checksums of bytes that have passed.
#[derive(Clone, Debug)]
pub(crate) struct Hashes {
    pub(crate) digest: Digest,
    pub(crate) sha256: Option<Sha256Digest>,
    /// The checksum of the kind in [`Checksums::told`].
    pub(crate) told: Option<Checksum>,
}

/// The hashers of one file.
#[derive(Debug, Default)]
pub(super) struct Hashers {
    digest: blake3::Hasher,
    sha256: Option<Sha256>,
    told: Option<ChecksumHasher>,
}

impl Hashers {
    pub(super) fn new(checksums: Checksums) -> Self {
        let Checksums { sha256, told } = checksums;
        Self {
            digest: blake3::Hasher::default(),
            sha256: sha256.then(Sha256::default),
            told: told.map(ChecksumHasher::new),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        if let Some(told) = &mut self.told {
            told.update(bytes);
        }
    }

    pub(super) fn finish(self) -> Hashes {
        Hashes {
            digest: (&self.digest).into(),
            sha256: self.sha256.map(Into::into),
            told: self.told.map(ChecksumHasher::finish),
        }
    }
}

/// The state of hashing on another thread.
#[derive(Debug, Default)]
pub(super) struct ParallelHash {
    /// The running job, which owns the hashers until it ends.
    job: Option<JoinHandle<Box<Hashers>>>,
    waiting: Vec<Bytes>,
}

impl ParallelHash {
    /// Adds a chunk that waits for [`ParallelHash::advance`].
    pub(super) fn push(&mut self, chunk: Bytes) {
        self.waiting.push(chunk);
    }

    /// Starts hashing the waiting chunks on another thread, once there are enough of them. Awaits
    /// the end of the previous job, and a permit for a processor.
    ///
    /// # Errors
    /// When the runtime ends.
    pub(super) async fn advance(&mut self, hashers: &mut Box<Hashers>) -> Result<(), JoinError> {
        if self.waiting.len() < BATCH {
            return Ok(());
        }
        if let Some(job) = self.job.take() {
            *hashers = job.await?;
        }
        // The semaphore is never closed, so `acquire` does not fail.
        let permit = PROCESSORS.acquire().await.ok();
        let (mut hashers, chunks) = (take(hashers), take(&mut self.waiting));
        self.job = Some(spawn_blocking(move || {
            chunks.iter().for_each(|chunk| hashers.update(chunk));
            drop(permit);
            hashers
        }));
        Ok(())
    }

    /// Awaits the last job, and hashes the remaining bytes on this thread.
    ///
    /// # Errors
    /// When the runtime ends.
    pub(super) async fn finish(
        self,
        hashers: &mut Box<Hashers>,
        rest: &[u8],
    ) -> Result<(), JoinError> {
        if let Some(job) = self.job {
            *hashers = job.await?;
        }
        self.waiting.iter().for_each(|chunk| hashers.update(chunk));
        hashers.update(rest);
        Ok(())
    }
}

/// Computes the SHA-256 of stored bytes on other threads.
///
/// # Errors
/// When the bytes cannot be read.
pub(super) async fn sha256(
    bytes: impl Stream<Item = io::Result<Bytes>>,
) -> io::Result<Sha256Digest> {
    let hasher = hash(bytes, Sha256::default(), |hasher, chunk| {
        hasher.update(chunk);
    });
    Ok(hasher.await?.into())
}

/// Computes both digests of stored bytes on other threads.
///
/// # Errors
/// When the bytes cannot be read.
pub(super) async fn both(
    bytes: impl Stream<Item = io::Result<Bytes>>,
) -> io::Result<(Digest, Sha256Digest)> {
    let hashers = Box::<(blake3::Hasher, Sha256)>::default();
    let hashers = hash(bytes, hashers, |hashers, chunk| {
        hashers.0.update(chunk);
        hashers.1.update(chunk);
    });
    let (digest, sha256) = *hashers.await?;
    Ok(((&digest).into(), sha256.into()))
}

/// Reads stored bytes, and updates a hasher with them on other threads.
async fn hash<H: Send + 'static>(
    bytes: impl Stream<Item = io::Result<Bytes>>,
    mut hasher: H,
    update: fn(&mut H, &[u8]),
) -> io::Result<H> {
    let mut batches = pin!(bytes.chunks(BATCH));
    while let Some(batch) = batches.next().await {
        let chunks: Vec<Bytes> = batch.into_iter().collect::<io::Result<_>>()?;
        let permit = PROCESSORS.acquire().await.ok();
        let work = move || {
            chunks.iter().for_each(|chunk| update(&mut hasher, chunk));
            drop(permit);
            hasher
        };
        hasher = spawn_blocking(work).await?;
    }
    Ok(hasher)
}

/// Returns bytes as they come, and an error at their end where they are not those of the digest.
pub(super) fn verified(
    bytes: impl Stream<Item = io::Result<Bytes>> + Send,
    digest: Digest,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let state = Some((Box::pin(bytes), blake3::Hasher::new()));
    stream::unfold(state, move |state| async move {
        let (mut bytes, mut hasher) = state?;
        match bytes.next().await {
            Some(Ok(part)) => {
                hasher.update(&part);
                Some((Ok(part), Some((bytes, hasher))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None if Digest::from(&hasher) == digest => None,
            None => {
                let reason = format!("the stored bytes of the file {digest} are damaged");
                let error = io::Error::new(io::ErrorKind::InvalidData, reason);
                Some((Err(error), None))
            }
        }
    })
}
