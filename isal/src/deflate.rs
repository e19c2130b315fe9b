//! Compresses one block at a time.

use std::fmt;
use std::mem;

use isal_sys::igzip_lib as isal;

/// The overhead of a deflate block that is merely stored, and the number of bytes that it holds at most.
const STORED_HEADER: usize = 5;
const STORED: usize = 0xffff;

/// The room for the end of a block: an empty stored block, and what ISA-L keeps in a register until then.
const END: usize = 64;

/// A level of ISA-L.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The fastest level.
    One,
    /// About as fast, and 1 % smaller.
    Two,
    /// Some 70 % slower than [`Level::One`], and 4 % smaller.
    Three,
}

/// A compressor of blocks.
pub struct Deflate {
    /// The state of the library: 80 KiB.
    stream: Box<isal::isal_zstream>,
    level: Level,
    /// The memory that the level needs, which the library takes for structures of words.
    memory: Vec<u64>,
}

/// ISA-L refused a block, with a code of `igzip_lib.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(i32);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ISA-L refused to compress a block (its code is {})",
            self.0
        )
    }
}

impl std::error::Error for Refused {}

impl fmt::Debug for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Deflate").field(&self.level).finish()
    }
}

impl Level {
    fn number(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    /// Returns the size of the memory that the library recommends.
    fn memory(self) -> usize {
        let size = match self {
            Self::One => isal::ISAL_DEF_LVL1_DEFAULT,
            Self::Two => isal::ISAL_DEF_LVL2_DEFAULT,
            Self::Three => isal::ISAL_DEF_LVL3_DEFAULT,
        };
        size as usize
    }
}

impl Deflate {
    /// Creates a compressor.
    pub fn new(level: Level) -> Self {
        // SAFETY: the fields are numbers, arrays of numbers and raw pointers, for all of which zeros are valid.
        let stream = Box::new(unsafe { mem::zeroed() });
        Self {
            stream,
            level,
            memory: vec![0; level.memory().div_ceil(size_of::<u64>())],
        }
    }

    /// Appends a block to `out`, compressed. What is appended ends at a byte, refers to nothing before it, and is not
    /// the end of a stream.
    ///
    /// # Errors
    /// [`Refused`], for a block of 2 GiB or more. Nothing is appended then.
    pub fn append(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
        let overflow = Refused(isal::STATELESS_OVERFLOW);
        let len = i32::try_from(block.len()).map_err(|_| overflow)?;
        let stored = block.len() + (block.len() / STORED + 1) * STORED_HEADER;
        let most = stored + block.len() / 8 + END;
        out.reserve(most);
        let room = u32::try_from(most).map_err(|_| overflow)?;

        let stream = &mut *self.stream;
        // SAFETY: the pointer is to a stream that nobody else uses.
        unsafe { isal::isal_deflate_stateless_init(stream) };
        stream.level = self.level.number();
        stream.level_buf = self.memory.as_mut_ptr().cast();
        // A few hundred KiB.
        stream.level_buf_size = size_of_val(&self.memory[..]) as u32;
        stream.flush = isal::FULL_FLUSH as u16;
        stream.next_in = block.as_ptr().cast_mut();
        stream.avail_in = len.unsigned_abs();
        stream.next_out = out.spare_capacity_mut().as_mut_ptr().cast();
        stream.avail_out = room;
        // SAFETY: the stream is initialised. The input, which is only read, the output and the memory of the level
        // have the lengths that stand beside their pointers, and live as long as this call, after which nothing uses
        // the pointers any more.
        let code = unsafe { isal::isal_deflate_stateless(stream) };
        if code != isal::COMP_OK as i32 || stream.avail_in > 0 {
            return Err(Refused(code));
        }
        let written = most - stream.avail_out as usize;
        // SAFETY: the library has written these bytes, within the capacity.
        unsafe { out.set_len(out.len() + written) };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use std::io::Read;

    use flate2::read::DeflateDecoder;

    use super::*;

    /// An empty deflate block that is marked as the last.
    const LAST: [u8; 5] = [1, 0, 0, 0xff, 0xff];

    const LEVELS: [Level; 3] = [Level::One, Level::Two, Level::Three];

    /// Returns bytes that do not repeat, as a linear congruential generator gives them.
    fn noise(len: usize) -> Vec<u8> {
        let next = |state: &u64| {
            Some(
                state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1),
            )
        };
        let states = std::iter::successors(Some(1_u64), next);
        states.take(len).map(|state| (state >> 56) as u8).collect()
    }

    fn samples() -> Vec<Vec<u8>> {
        let text = b"every block is compressed by itself; ".repeat(8000);
        let mixed: Vec<u8> = noise(100_000).into_iter().chain(text.clone()).collect();
        let mut samples = vec![text, mixed, vec![0; 1 << 20], Vec::new(), vec![7]];
        samples.extend([1, 2, 65_534, 65_535, 65_536, 131_070, 262_144, 1 << 20].map(noise));
        samples
    }

    fn decoded(mut deflate: Vec<u8>) -> Vec<u8> {
        deflate.extend(LAST);
        let mut bytes = Vec::new();
        DeflateDecoder::new(&deflate[..])
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    }

    #[test]
    fn each_block_stands_for_itself() {
        for level in LEVELS {
            let mut deflate = Deflate::new(level);
            for sample in samples() {
                let mut out = Vec::new();
                deflate.append(&sample, &mut out).unwrap();
                assert!(out.len() <= sample.len() + sample.len() / 8 + 64);
                assert!(decoded(out) == sample, "{level:?}, {} bytes", sample.len());
            }
        }
    }

    #[test]
    fn blocks_of_several_compressors_are_one_stream() {
        let (mut one, mut other) = (Deflate::new(Level::One), Deflate::new(Level::Two));
        let (mut out, mut all) = (Vec::new(), Vec::new());
        for sample in samples() {
            one.append(&sample, &mut out).unwrap();
            other.append(&sample, &mut out).unwrap();
            all.extend([&sample[..], &sample].concat());
        }
        assert!(out.len() < all.len());
        assert!(decoded(out) == all);
    }

    #[test]
    fn repetitions_are_found() {
        for level in LEVELS {
            let mut out = Vec::new();
            let text = b"every block is compressed by itself; ".repeat(8000);
            Deflate::new(level).append(&text, &mut out).unwrap();
            assert!(
                out.len() < text.len() / 50,
                "{level:?}: {} bytes",
                out.len()
            );
        }
    }
}
