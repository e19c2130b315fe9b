//! The bytes of a file, in memory, on disk or in a bucket. They are written once in a stream and read many
//! times in parts.
//!
//! - `writer`: writes the bytes as they arrive; `hashing`: hashes them; `link`: gives a file its name

mod hashing;
mod link;
mod writer;

use std::fs;
use std::io::{self, Read, Write};
use std::mem::take;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::future::Either;
use futures_util::{Stream, stream};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use super::disk::Disk;
use super::store::{FileFacts, Object};
use super::{BackendError, MemoryBudget, Reservation};
use crate::domain::{Digest, Sha256Digest};
pub(crate) use hashing::Checksums;
use link::link;
pub(crate) use writer::{BlobWriter, Written};

/// The size of a chunk in bytes: small enough to allocate at once, large enough that a disk image
/// has few chunks.
const CHUNK: usize = 256 * 1024;

/// The number of chunks that are freed in place, which takes less than a millisecond.
const INLINE_DROP_LIMIT: usize = 64;

/// The complete bytes of a file. A clone is cheap and shares the bytes.
#[derive(Clone, Debug)]
pub(crate) struct Blob(Arc<Contents>);

#[derive(Debug)]
struct Contents {
    id: BlobId,
    location: Location,
    len: u64,
    digest: Digest,
    /// The SHA-256, once it is computed.
    sha256: OnceCell<Sha256Digest>,
    /// The reservation of these bytes in a memory budget, once they are charged.
    reservation: OnceLock<Reservation>,
}

/// The identifier of a blob's bytes, which its clones share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct BlobId(u64);

impl BlobId {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The place of the bytes.
#[derive(Clone, Debug)]
enum Location {
    /// Chunks in memory, of which all but the last are full.
    Memory(Chunks),
    /// A file on disk: one without a name, which the system deletes when it is closed, or one that
    /// belongs to somebody else.
    Disk(Arc<OpenFile>),
    /// A file that is opened whenever it is read: so many files take no descriptors.
    Named(Arc<Path>),
    /// An object in a bucket, which is requested whenever it is read.
    Remote(Object),
}

/// The chunks of a file.
#[derive(Clone, Debug, Default)]
struct Chunks(Vec<Bytes>);

impl Drop for Chunks {
    /// Frees many chunks on a blocking thread if there is a runtime, since freeing them takes long
    /// and would hold up other tasks and the holder of a lock.
    fn drop(&mut self) {
        if self.0.len() > INLINE_DROP_LIMIT
            && let Ok(runtime) = Handle::try_current()
        {
            let chunks = take(&mut self.0);
            runtime.spawn_blocking(|| drop(chunks));
        }
    }
}

/// A file on disk.
#[derive(Debug)]
struct OpenFile(Option<fs::File>);

impl OpenFile {
    fn get(&self) -> io::Result<&fs::File> {
        self.0.as_ref().ok_or(io::ErrorKind::NotFound.into())
    }
}

impl Drop for OpenFile {
    /// Closes the file on a blocking thread if there is a runtime, since freeing the disk space may
    /// take long and would hold up other tasks.
    fn drop(&mut self) {
        if let Ok(runtime) = Handle::try_current() {
            let file = self.0.take();
            runtime.spawn_blocking(|| drop(file));
        }
    }
}

impl Blob {
    /// Reads `from` to its end into memory, and computes checksums as the bytes pass. Blocks while it
    /// reads.
    pub(crate) fn read(mut from: impl Read, checksums: Checksums) -> io::Result<Self> {
        let mut writer = BlobWriter::new(checksums);
        let mut buffer = vec![0; CHUNK];
        loop {
            match from.read(&mut buffer)? {
                0 => return Ok(writer.finish()),
                len => writer.write(&buffer[..len]),
            }
        }
    }

    /// Returns the number of bytes.
    pub(crate) fn len(&self) -> u64 {
        self.0.len
    }

    /// Returns whether the bytes are on disk or in a bucket and take no memory.
    pub(super) fn is_on_disk(&self) -> bool {
        !matches!(self.0.location, Location::Memory(_))
    }

    /// Returns whether the bytes are in a file of somebody else, or in a bucket.
    pub(super) fn is_read_elsewhere(&self) -> bool {
        matches!(self.0.location, Location::Named(_) | Location::Remote(_))
    }

    /// Returns the digest of all bytes.
    pub(crate) fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Returns the SHA-256 of all bytes, if it was computed as they passed, or since then.
    pub(crate) fn sha256(&self) -> Option<Sha256Digest> {
        self.0.sha256.get().copied()
    }

    /// Returns the SHA-256 of all bytes, and computes it on other threads if this is the first time
    /// that somebody asks for it.
    ///
    /// # Errors
    /// When the bytes are on disk and cannot be read.
    pub(crate) async fn compute_sha256(&self) -> io::Result<Sha256Digest> {
        let compute = || hashing::sha256(self.stream(0..self.len()));
        self.0.sha256.get_or_try_init(compute).await.copied()
    }

    /// Reads all bytes, and returns their digests as they are now, computed on other threads.
    ///
    /// # Errors
    /// When the bytes cannot be read.
    pub(crate) async fn compute_digests(&self) -> io::Result<(Digest, Sha256Digest)> {
        hashing::both(self.stream(0..self.len())).await
    }

    /// Returns the bytes of a file on disk, whose size and digests are known.
    pub(super) fn of_file(file: fs::File, facts: FileFacts) -> Self {
        Self::stored(Location::Disk(Arc::new(OpenFile(Some(file)))), facts)
    }

    /// Returns the bytes of a file on disk that is opened whenever it is read.
    pub(super) fn named(path: PathBuf, facts: FileFacts) -> Self {
        Self::stored(Location::Named(path.into()), facts)
    }

    /// Returns the bytes of an object in a bucket.
    pub(super) fn remote(object: Object, facts: FileFacts) -> Self {
        Self::stored(Location::Remote(object), facts)
    }

    fn stored(location: Location, facts: FileFacts) -> Self {
        Self(Arc::new(Contents {
            id: BlobId::new(),
            location,
            len: facts.len,
            digest: facts.digest,
            sha256: OnceCell::new_with(Some(facts.sha256)),
            reservation: OnceLock::new(),
        }))
    }

    /// Keeps the bytes on disk under a new name. The file has its name only once all bytes are on disk;
    /// where it cannot get one without being copied, the copy has the name `partial` until then. Blocks
    /// while it does.
    ///
    /// # Errors
    /// When the file cannot be written, and for bytes that are [read elsewhere](Self::is_read_elsewhere).
    pub(super) fn link(&self, path: &Path, partial: &Path, disk: &Disk) -> io::Result<()> {
        match &self.0.location {
            Location::Disk(file) => link(file.get()?, path, partial, disk),
            Location::Memory(chunks) => {
                let mut file = fs::File::create(partial)?;
                chunks
                    .0
                    .iter()
                    .try_for_each(|chunk| file.write_all(chunk))?;
                disk.sync(&file, "the bytes of a file")?;
                fs::rename(partial, path)
            }
            Location::Named(_) | Location::Remote(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Attaches the reservation of these bytes, which lasts as long as the bytes.
    pub(crate) fn attach(&self, reservation: Reservation) {
        // The bytes are charged once: `set` fails and drops this reservation if there is one
        // already.
        let _ = self.0.reservation.set(reservation);
    }

    /// Charges these bytes to the budget, even beyond its limit, unless they are charged already.
    pub(super) fn charge(&self, memory: &MemoryBudget) {
        if self.is_on_disk() {
            return;
        }
        self.0.reservation.get_or_init(|| {
            let mut reservation = memory.reservation();
            reservation.reserve_beyond_limit(self.len());
            reservation
        });
    }

    /// Returns the same bytes with a reservation of their own: the files of a seed may be used by
    /// several emulators.
    pub(super) fn separate_copy(&self) -> Self {
        let Contents {
            location,
            len,
            digest,
            sha256,
            ..
        } = &*self.0;
        Self(Arc::new(Contents {
            id: BlobId::new(),
            location: location.clone(),
            len: *len,
            digest: *digest,
            sha256: sha256.clone(),
            reservation: OnceLock::new(),
        }))
    }

    /// Returns the identifier that only clones of this blob share.
    pub(super) fn id(&self) -> BlobId {
        self.0.id
    }

    /// Returns the bytes of a range, chunk by chunk. Bytes in memory are not copied. A range beyond
    /// the end yields the bytes up to the end.
    pub(crate) fn stream(
        &self,
        range: Range<u64>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        match &self.0.location {
            Location::Remote(object) => Either::Left(object.stream(self.within(range), self.len())),
            _ => Either::Right(self.chunks(range)),
        }
    }

    /// Returns what [`stream`](Self::stream) returns, once it is certain that the object is there, if the
    /// bytes are in a bucket.
    ///
    /// # Errors
    /// When the object is not there or has another size, or the store fails.
    pub(crate) async fn open(
        &self,
        range: Range<u64>,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, BackendError> {
        Ok(match &self.0.location {
            Location::Remote(object) => {
                Either::Left(object.open(self.within(range), self.len()).await?)
            }
            _ => Either::Right(self.chunks(range)),
        })
    }

    /// Returns a URL from which a client can get the bytes without this process, for some minutes; `None` where
    /// they are not in a bucket. Whoever has the URL has the bytes.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub(crate) async fn signed_url(&self) -> Result<Option<String>, BackendError> {
        match &self.0.location {
            Location::Remote(object) => Ok(Some(object.signed_url().await?)),
            _ => Ok(None),
        }
    }

    /// Returns all bytes, as [`stream`](Self::stream) does, and ends with an error where they are not those of the
    /// digest.
    pub(crate) fn verified(&self) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        hashing::verified(self.stream(0..self.len()), self.digest())
    }

    fn within(&self, range: Range<u64>) -> Range<u64> {
        let end = range.end.min(self.len());
        range.start.min(end)..end
    }

    fn chunks(&self, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let Range { start, end } = self.within(range);
        stream::try_unfold((self.clone(), start), move |(blob, at)| async move {
            if at == end {
                return Ok(None);
            }
            let chunk = blob.chunk(at, end).await?;
            let next = at + chunk.len() as u64;
            Ok(Some((chunk, (blob, next))))
        })
    }

    /// Returns the bytes from `at` to `end` or to the end of the chunk, whichever comes first.
    async fn chunk(&self, at: u64, end: u64) -> io::Result<Bytes> {
        let within = (at % CHUNK as u64) as usize;
        let len = (CHUNK - within).min(usize::try_from(end - at).unwrap_or(CHUNK));
        match &self.0.location {
            Location::Memory(chunks) => usize::try_from(at / CHUNK as u64)
                .ok()
                .and_then(|number| chunks.0.get(number))
                .filter(|chunk| within + len <= chunk.len())
                .map(|chunk| chunk.slice(within..within + len))
                .ok_or(io::ErrorKind::UnexpectedEof.into()),
            Location::Disk(file) => {
                let file = Arc::clone(file);
                spawn_blocking(move || read_at(file.get()?, len, at)).await?
            }
            Location::Named(path) => {
                let path = Arc::clone(path);
                spawn_blocking(move || read_at(&fs::File::open(path)?, len, at)).await?
            }
            // Its bytes come as they are sent.
            Location::Remote(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

fn read_at(file: &fs::File, len: usize, at: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use std::thread::{self, ThreadId};

    use futures_util::TryStreamExt;
    use proptest::prelude::*;
    use tokio::sync::mpsc;

    use super::*;

    fn blob(bytes: &[u8], step: usize) -> Blob {
        let mut writer = BlobWriter::default();
        bytes.chunks(step).for_each(|part| writer.write(part));
        writer.finish()
    }

    async fn read(blob: &Blob, range: Range<u64>) -> Vec<u8> {
        let parts: Vec<Bytes> = blob.stream(range).try_collect().await.unwrap();
        parts.concat()
    }

    /// Writes the same bytes to disk, spilling after the first part.
    async fn spilled(bytes: &[u8], step: usize) -> Blob {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = BlobWriter::default();
        let mut parts = bytes.chunks(step);
        parts.next().iter().for_each(|part| writer.write(part));
        writer.spill(folder.path()).await.unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        for part in parts {
            writer.write(part);
            writer.flush().await.unwrap();
        }
        writer.close().await.unwrap().blob
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_range_reads_the_bytes_that_were_written(
            len in 0..3 * CHUNK, step in 1..2 * CHUNK, a in 0..4 * CHUNK, b in 0..4 * CHUNK
        ) {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
            let range = a.min(b)..a.max(b);
            let expected = &bytes[range.start.min(len)..range.end.min(len)];
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let on_disk = runtime.block_on(spilled(&bytes, step));
            let in_memory = blob(&bytes, step);
            prop_assert_eq!(on_disk.digest(), in_memory.digest());
            for blob in [on_disk, in_memory] {
                prop_assert_eq!(blob.len(), len as u64);
                let found = read(&blob, range.start as u64..range.end as u64);
                prop_assert!(runtime.block_on(found) == expected);
            }
        }
    }

    #[test]
    fn the_digest_is_blake3_and_is_displayed_with_the_name() {
        assert_eq!(
            blob(b"abc", 2).digest().to_string(),
            "blake3-6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
        );
    }

    #[tokio::test]
    async fn sha_256_is_computed_when_somebody_asks_and_kept() {
        const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for blob in [blob(b"abc", 2), spilled(b"abc", 2).await] {
            assert_eq!(blob.sha256(), None);
            assert_eq!(blob.compute_sha256().await.unwrap().to_string(), ABC);
            let kept = blob.separate_copy().sha256();
            assert_eq!(kept.map(|digest| digest.to_string()).as_deref(), Some(ABC));
        }
    }

    #[tokio::test]
    async fn sha_256_of_many_chunks_is_that_of_the_bytes_as_they_passed() {
        let bytes: Vec<u8> = (0..9 * CHUNK + 7).map(|i| (i * 31 % 251) as u8).collect();
        let sha256 = Checksums {
            sha256: true,
            ..Checksums::default()
        };
        let passed = Blob::read(&*bytes, sha256).unwrap().sha256();
        let later = blob(&bytes, CHUNK).compute_sha256().await.unwrap();
        assert_eq!(passed, Some(later));
    }

    /// A chunk that reports the thread on which it is freed.
    struct Told(mpsc::UnboundedSender<ThreadId>);

    impl AsRef<[u8]> for Told {
        fn as_ref(&self) -> &[u8] {
            b"bytes"
        }
    }

    impl Drop for Told {
        fn drop(&mut self) {
            // The receiver is gone if the test has failed.
            let _ = self.0.send(thread::current().id());
        }
    }

    #[tokio::test]
    async fn a_large_file_is_given_back_where_it_holds_up_nobody() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let chunk = || Bytes::from_owner(Told(sender.clone()));
        let here = thread::current().id();
        drop(Chunks((0..=INLINE_DROP_LIMIT).map(|_| chunk()).collect()));
        for _ in 0..=INLINE_DROP_LIMIT {
            assert_ne!(receiver.recv().await, Some(here));
        }
        drop(Chunks(vec![chunk()]));
        assert_eq!(receiver.recv().await, Some(here));
    }

    #[tokio::test]
    async fn an_empty_blob_has_no_bytes() {
        let blob = BlobWriter::default().finish();
        assert_eq!(blob.len(), 0);
        assert!(read(&blob, 0..10).await.is_empty());
    }
}
