//! The bytes of a file: written once in a stream, read many times in parts.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Held, Memory};

/// Small enough that one chunk is no burden, large enough that a disk image has few of them.
const CHUNK: usize = 256 * 1024;

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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The complete bytes of a file, cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Blob(Arc<Contents>);

#[derive(Debug)]
struct Contents {
    chunks: Vec<Bytes>,
    len: u64,
    digest: Digest,
    /// What these bytes are counted as, where they are.
    held: OnceLock<Held>,
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
        self.0.held.get_or_init(|| {
            let mut held = memory.hold();
            held.take_anyway(self.len());
            held
        });
    }

    /// The same for clones of the same blob, and for no two others.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// The bytes in a range, chunk by chunk and without copying. A range that reaches beyond the
    /// end yields what there is.
    pub(crate) fn chunks(&self, range: Range<u64>) -> impl Iterator<Item = Bytes> + use<> {
        let contents = Arc::clone(&self.0);
        let end = range.end.min(contents.len);
        let mut at = range.start.min(end);
        std::iter::from_fn(move || {
            if at == end {
                return None;
            }
            let chunk = contents
                .chunks
                .get(usize::try_from(at / CHUNK as u64).ok()?)?;
            let from = usize::try_from(at % CHUNK as u64).ok()?;
            let until = chunk
                .len()
                .min(from + usize::try_from(end - at).unwrap_or(usize::MAX));
            at += (until - from) as u64;
            Some(chunk.slice(from..until))
        })
    }
}

/// Takes the bytes of a file as they arrive, hashing each as it passes.
///
/// What arrives is copied into chunks of its own: a network buffer kept alive by a small slice
/// would hold several times the memory of what it carries. All chunks but the last are full.
#[derive(Debug, Default)]
pub(crate) struct BlobWriter {
    chunks: Vec<Bytes>,
    current: Vec<u8>,
    hasher: Sha256,
    len: u64,
}

impl BlobWriter {
    /// Appends bytes.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) {
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.current.capacity() == 0 {
                self.current.reserve_exact(CHUNK);
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.current.len()));
            self.current.extend_from_slice(now);
            if self.current.len() == CHUNK {
                self.chunks.push(std::mem::take(&mut self.current).into());
            }
            bytes = later;
        }
    }

    /// How many bytes were written so far.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The finished blob.
    pub(crate) fn finish(mut self) -> Blob {
        if !self.current.is_empty() {
            self.current.shrink_to_fit();
            self.chunks.push(self.current.into());
        }
        Blob(Arc::new(Contents {
            chunks: self.chunks,
            len: self.len,
            digest: Digest(self.hasher.finalize().into()),
            held: OnceLock::new(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blob(bytes: &[u8], step: usize) -> Blob {
        let mut writer = BlobWriter::default();
        bytes.chunks(step).for_each(|part| writer.write(part));
        writer.finish()
    }

    fn read(blob: &Blob, range: Range<u64>) -> Vec<u8> {
        blob.chunks(range).flatten().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_range_reads_the_bytes_that_were_written(
            len in 0..3 * CHUNK, step in 1..2 * CHUNK, a in 0..4 * CHUNK, b in 0..4 * CHUNK
        ) {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
            let blob = blob(&bytes, step);
            prop_assert_eq!(blob.len(), len as u64);
            let range = a.min(b)..a.max(b);
            let expected = &bytes[range.start.min(len)..range.end.min(len)];
            let found = read(&blob, range.start as u64..range.end as u64);
            prop_assert!(found == expected);
        }
    }

    #[test]
    fn the_digest_is_sha_256_in_hexadecimal() {
        assert_eq!(
            blob(b"abc", 2).digest().to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn an_empty_blob_has_no_chunks() {
        let blob = BlobWriter::default().finish();
        assert_eq!((blob.len(), blob.chunks(0..10).count()), (0, 0));
    }
}
