//! The bytes of a file: written once in a stream, read many times in parts, from memory or disk.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::mem::take;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::{Stream, stream};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::{Held, Memory};

/// Small enough that one chunk is no burden, large enough that a disk image has few of them.
const CHUNK: usize = 256 * 1024;

/// As many chunks are given back in less than a millisecond.
const FEW: usize = 64;

/// So many chunks are hashed at a time on another thread.
const BATCH: usize = 4;

/// From here on, in bytes, that is worth it.
const LARGE: u64 = (BATCH * CHUNK) as u64;

/// A SHA-256 digest; displayed as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// The digest of bytes that are all at hand.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    // Formatted byte by byte, each of which is padded, they took 9500 instructions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |four_bits: u8| char::from(DIGITS[usize::from(four_bits)]);
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        f.write_str(&digits.map(digit).collect::<String>())
    }
}

/// The complete bytes of a file, cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Blob(Arc<Contents>);

#[derive(Debug)]
struct Contents {
    place: Place,
    len: u64,
    digest: Digest,
    /// What these bytes are counted as, where they are.
    held: OnceLock<Held>,
}

/// Where the bytes are.
#[derive(Clone, Debug)]
enum Place {
    /// In chunks, of which all but the last are full.
    Memory(Chunks),
    /// In a file that has no name, and is gone when it is closed.
    Disk(Arc<Nameless>),
}

/// Chunks of a file.
#[derive(Clone, Debug, Default)]
struct Chunks(Vec<Bytes>);

impl Drop for Chunks {
    /// Giving many back takes a while: elsewhere, where there is a runtime that it would hold up,
    /// and maybe whoever waits for a lock.
    fn drop(&mut self) {
        if self.0.len() > FEW
            && let Ok(runtime) = Handle::try_current()
        {
            let chunks = take(&mut self.0);
            runtime.spawn_blocking(|| drop(chunks));
        }
    }
}

/// A file on disk that nothing names.
#[derive(Debug)]
struct Nameless(Option<fs::File>);

impl Nameless {
    fn get(&self) -> io::Result<&fs::File> {
        self.0.as_ref().ok_or(io::ErrorKind::NotFound.into())
    }
}

impl Drop for Nameless {
    /// Closing it gives back what it takes of the disk, which may be a while: elsewhere, where
    /// there is a runtime that it would hold up.
    fn drop(&mut self) {
        if let Ok(runtime) = Handle::try_current() {
            let file = self.0.take();
            runtime.spawn_blocking(|| drop(file));
        }
    }
}

impl Blob {
    /// All that is to be read, to its end. Blocks while it reads.
    pub(crate) fn read(mut from: impl Read) -> io::Result<Self> {
        let mut writer = BlobWriter::default();
        let mut buffer = vec![0; CHUNK];
        loop {
            match from.read(&mut buffer)? {
                0 => return Ok(writer.finish()),
                len => writer.write(&buffer[..len]),
            }
        }
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> u64 {
        self.0.len
    }

    /// Whether they are on disk, and take no memory.
    pub(super) fn is_on_disk(&self) -> bool {
        matches!(self.0.place, Place::Disk(_))
    }

    /// The digest of all of them.
    pub(crate) fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Keeps what these bytes were counted as, as long as they are there.
    pub(crate) fn hold(&self, held: Held) {
        // They are counted once; if they were before, this is let go.
        let _ = self.0.held.set(held);
    }

    /// Counts these bytes, even beyond the limit, unless they are counted already.
    pub(super) fn count_in(&self, memory: &Memory) {
        if self.is_on_disk() {
            return;
        }
        self.0.held.get_or_init(|| {
            let mut held = memory.hold();
            held.take_anyway(self.len());
            held
        });
    }

    /// The same bytes, to be counted on their own: those of a seed may be planted in several
    /// emulators.
    pub(super) fn again(&self) -> Self {
        let Contents {
            place, len, digest, ..
        } = &*self.0;
        Self(Arc::new(Contents {
            place: place.clone(),
            len: *len,
            digest: *digest,
            held: OnceLock::new(),
        }))
    }

    /// The same for clones of the same blob, and for no two others.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// The bytes in a range, chunk by chunk; those in memory without copying. A range that reaches
    /// beyond the end yields what there is.
    pub(crate) fn stream(
        &self,
        range: Range<u64>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let end = range.end.min(self.len());
        let start = (self.clone(), range.start.min(end));
        stream::try_unfold(start, move |(blob, at)| async move {
            if at == end {
                return Ok(None);
            }
            let chunk = blob.chunk(at, end).await?;
            let next = at + chunk.len() as u64;
            Ok(Some((chunk, (blob, next))))
        })
    }

    /// The bytes from one place to another, or to the end of the chunk.
    async fn chunk(&self, at: u64, end: u64) -> io::Result<Bytes> {
        let within = (at % CHUNK as u64) as usize;
        let len = (CHUNK - within).min(usize::try_from(end - at).unwrap_or(CHUNK));
        match &self.0.place {
            Place::Memory(chunks) => usize::try_from(at / CHUNK as u64)
                .ok()
                .and_then(|number| chunks.0.get(number))
                .filter(|chunk| within + len <= chunk.len())
                .map(|chunk| chunk.slice(within..within + len))
                .ok_or(io::ErrorKind::UnexpectedEof.into()),
            Place::Disk(file) => {
                let file = Arc::clone(file);
                let read = move || {
                    let mut bytes = vec![0; len];
                    file.get()?.read_exact_at(&mut bytes, at)?;
                    Ok(bytes.into())
                };
                spawn_blocking(read).await?
            }
        }
    }
}

/// Takes the bytes of a file as they arrive, hashing each as it passes.
///
/// What arrives is copied into chunks of its own: a network buffer kept alive by a small slice
/// would hold several times the memory of what it carries.
#[derive(Debug, Default)]
pub(crate) struct BlobWriter {
    chunks: Chunks,
    /// Where the chunks go from time to time, and how many bytes are there.
    disk: Option<(Arc<Nameless>, u64)>,
    current: Vec<u8>,
    hasher: Sha256,
    /// Whether a large file is to be hashed on another thread.
    may_be_apart: bool,
    apart: Option<Apart>,
    len: u64,
}

/// What is hashed on another thread.
#[derive(Debug, Default)]
struct Apart {
    /// Has the hasher meanwhile.
    job: Option<JoinHandle<Sha256>>,
    waiting: Vec<Bytes>,
}

impl BlobWriter {
    /// A writer that hashes the later chunks of a large file on another thread, while the next ones
    /// come: to hash takes as long as all else that is done for an upload. Whoever writes calls
    /// [`BlobWriter::hash_on`] each time, and [`BlobWriter::close`] in the end.
    pub(crate) fn apart() -> Self {
        Self {
            may_be_apart: true,
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
            if self.apart.is_none() {
                self.hasher.update(now);
            }
            if self.current.len() == CHUNK {
                self.end_chunk();
            }
            bytes = later;
        }
    }

    /// Lets another thread hash what waits for it, once it is done with what it has, and once fewer
    /// than so many hash for others.
    ///
    /// # Errors
    /// When the runtime ends.
    pub(crate) async fn hash_on(&mut self, at_once: &Arc<Semaphore>) -> Result<(), JoinError> {
        let Some(apart) = &mut self.apart else {
            return Ok(());
        };
        if apart.waiting.len() < BATCH {
            return Ok(());
        }
        if let Some(job) = apart.job.take() {
            self.hasher = job.await?;
        }
        // It is never closed.
        let permit = Arc::clone(at_once).acquire_owned().await.ok();
        let (mut hasher, chunks) = (take(&mut self.hasher), take(&mut apart.waiting));
        apart.job = Some(spawn_blocking(move || {
            chunks.iter().for_each(|chunk| hasher.update(chunk));
            drop(permit);
            hasher
        }));
        Ok(())
    }

    /// Waits for the other thread, and hashes here what it has not seen.
    async fn end_hashing(&mut self) -> Result<(), JoinError> {
        let Some(Apart { job, waiting }) = self.apart.take() else {
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
        Digest(self.hasher.finalize().into())
    }

    /// Puts what there is and what comes into a file without a name in a folder.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) async fn spill(&mut self, folder: &Path) -> io::Result<()> {
        let folder = folder.to_owned();
        let file = spawn_blocking(|| tempfile::tempfile_in(folder)).await??;
        self.disk = Some((Arc::new(Nameless(Some(file))), 0));
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
        self.end_hashing().await?;
        self.end_chunk();
        self.flush().await?;
        Ok(self.finish())
    }

    /// The finished blob, in memory.
    pub(crate) fn finish(mut self) -> Blob {
        self.end_chunk();
        Blob(Arc::new(Contents {
            place: match self.disk {
                Some((file, _)) => Place::Disk(file),
                None => Place::Memory(self.chunks),
            },
            len: self.len,
            digest: Digest(self.hasher.finalize().into()),
            held: OnceLock::new(),
        }))
    }

    fn end_chunk(&mut self) {
        if !self.current.is_empty() {
            let mut chunk = take(&mut self.current);
            chunk.shrink_to_fit();
            let chunk = Bytes::from(chunk);
            if let Some(apart) = &mut self.apart {
                apart.waiting.push(chunk.clone());
            } else if self.may_be_apart && self.len >= LARGE {
                self.apart = Some(Apart::default());
            }
            self.chunks.0.push(chunk);
        }
    }
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

    /// The same bytes on disk, where they go after the first of them.
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
        writer.close().await.unwrap()
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

    #[tokio::test]
    async fn what_is_hashed_on_another_thread_has_the_same_digest() {
        let chunks = LARGE as usize / CHUNK + 3 * BATCH;
        let one = Arc::new(Semaphore::new(1));
        for (len, step) in [
            (chunks * CHUNK + 5, CHUNK / 2 + 1),
            (chunks * CHUNK, CHUNK),
            (LARGE as usize, 3 * CHUNK),
            (LARGE as usize + 1, 3 * CHUNK),
        ] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
            let mut writer = BlobWriter::apart();
            for part in bytes.chunks(step) {
                writer.write(part);
                writer.hash_on(&one).await.unwrap();
            }
            let is_apart = writer.apart.is_some();
            assert_eq!(is_apart, len >= LARGE as usize);
            let digest = writer.close().await.unwrap().digest();
            assert!(
                digest == Digest::of(&bytes),
                "{len} bytes in parts of {step}"
            );
        }
    }

    #[test]
    fn the_digest_is_sha_256_in_hexadecimal() {
        assert_eq!(
            blob(b"abc", 2).digest().to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    /// A chunk that tells on which thread it was given back.
    struct Told(mpsc::UnboundedSender<ThreadId>);

    impl AsRef<[u8]> for Told {
        fn as_ref(&self) -> &[u8] {
            b"bytes"
        }
    }

    impl Drop for Told {
        fn drop(&mut self) {
            // Nobody listens any more where the test has failed.
            let _ = self.0.send(thread::current().id());
        }
    }

    #[tokio::test]
    async fn a_large_file_is_given_back_where_it_holds_up_nobody() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let chunk = || Bytes::from_owner(Told(sender.clone()));
        let here = thread::current().id();
        drop(Chunks((0..=FEW).map(|_| chunk()).collect()));
        for _ in 0..=FEW {
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
