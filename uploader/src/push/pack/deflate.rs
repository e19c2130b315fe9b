//! Compresses one block of a gzip member, with ISA-L or with zlib-rs.

use std::io;

use flate2::{Compress, Compression, FlushCompress};

/// The compressors in this build, in words for people.
pub const COMPRESSORS: &str = if cfg!(feature = "isal") {
    "ISA-L at the levels 1 to 3, zlib-rs above"
} else {
    "zlib-rs"
};

/// A compressor of blocks that do not depend on each other.
pub(super) enum Deflate {
    #[cfg(feature = "isal")]
    Isal(atlas_isal::Deflate),
    Zlib(Compress),
}

impl Deflate {
    /// Creates a compressor of a level from 1 to 9. ISA-L, where it is built in, makes the levels for which speed
    /// counts; above them it would give more bytes than zlib-rs.
    pub(super) fn new(level: u32) -> Self {
        #[cfg(feature = "isal")]
        if let Some(level) = isal_level(level) {
            return Self::Isal(atlas_isal::Deflate::new(level));
        }
        Self::zlib(level)
    }

    fn zlib(level: u32) -> Self {
        Self::Zlib(Compress::new(Compression::new(level), false))
    }

    /// Compresses a block into deflate blocks that end at a byte boundary and refer to nothing before them.
    pub(super) fn block(&mut self, block: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            #[cfg(feature = "isal")]
            Self::Isal(deflate) => {
                let mut out = Vec::new();
                deflate.append(block, &mut out).map_err(io::Error::other)?;
                Ok(out)
            }
            Self::Zlib(deflate) => zlib(deflate, block),
        }
    }
}

#[cfg(feature = "isal")]
fn isal_level(level: u32) -> Option<atlas_isal::Level> {
    match level {
        1 => Some(atlas_isal::Level::One),
        2 => Some(atlas_isal::Level::Two),
        3 => Some(atlas_isal::Level::Three),
        _ => None,
    }
}

fn zlib(deflate: &mut Compress, block: &[u8]) -> io::Result<Vec<u8>> {
    deflate.reset();
    // The capacity allows nine bits for each byte, the worst case of level 1: zlib-rs 0.6 panics there when the
    // buffer is full.
    let mut out = Vec::with_capacity(block.len() + block.len() / 8 + 1024);
    deflate
        .compress_vec(block, &mut out, FlushCompress::Sync)
        .map_err(io::Error::other)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::DeflateDecoder;

    use super::*;

    fn compressors() -> Vec<Deflate> {
        // Also those that ISA-L would replace.
        let zlib = (1..=9).map(Deflate::zlib);
        zlib.chain((1..=9).map(Deflate::new)).collect()
    }

    /// Returns some of this program: machine code is much of what images hold.
    fn code() -> Vec<u8> {
        let mut program = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        let mut code = vec![0; 4 << 20];
        program.read_exact(&mut code).unwrap();
        code
    }

    #[test]
    fn blocks_of_any_compressor_follow_each_other_in_one_stream() {
        let (code, mut out, mut sent) = (code(), Vec::new(), Vec::<u8>::new());
        for mut deflate in compressors() {
            for block in [&code[..100_000], b"", b"a", &code[..100_000]] {
                out.extend(deflate.block(block).unwrap());
                sent.extend(block);
            }
        }
        out.extend([1, 0, 0, 0xff, 0xff]);
        let mut decoded = Vec::new();
        DeflateDecoder::new(&out[..])
            .read_to_end(&mut decoded)
            .unwrap();
        assert!(decoded == sent);
    }

    #[test]
    fn what_is_made_for_speed_is_at_most_a_fifth_larger() {
        let code = code();
        let len = |mut deflate: Deflate| -> usize {
            let blocks = code.chunks(256 * 1024);
            blocks
                .map(|block| deflate.block(block).unwrap().len())
                .sum()
        };
        let small = len(Deflate::zlib(6));
        for level in 2..=5 {
            let fast = len(Deflate::new(level));
            assert!(
                fast < small * 6 / 5,
                "level {level}: {fast}, level 6: {small}"
            );
        }
    }
}
