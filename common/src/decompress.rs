//! Decompresses a file as its first bytes say.

use std::io::{self, BufRead, Cursor, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The number of bytes that tell the compressions apart.
const MAGIC: usize = 6;

/// The memory in KiB that the tables of the decoder of xz take.
const XZ_TABLES: u64 = 4096;

/// The content of a file whose first bytes were examined.
pub struct Decompressed<'a> {
    /// The name of the compression; `None` for a file of an unknown format, which is taken for an uncompressed one.
    pub compression: Option<&'static str>,
    /// The decompressed bytes.
    pub content: Box<dyn Read + 'a>,
}

/// Decompresses a file: gzip, bzip2, xz or zstd. Streams one behind the other count as one, since the parallel
/// compressors make them. `largest_window` bounds the memory in bytes that a window may take.
///
/// # Errors
/// When the file cannot be read.
pub fn decompressed<'a>(
    mut file: impl BufRead + 'a,
    largest_window: u64,
) -> io::Result<Decompressed<'a>> {
    let mut magic = Vec::new();
    file.by_ref().take(MAGIC as u64).read_to_end(&mut magic)?;
    let whole = Cursor::new(magic.clone()).chain(file);
    let xz_memory = u32::try_from(largest_window / 1024 + XZ_TABLES).unwrap_or(u32::MAX);
    let (compression, content): (_, Box<dyn Read + 'a>) = match *magic {
        [0x1f, 0x8b, ..] => (Some("gzip"), Box::new(MultiGzDecoder::new(whole))),
        [b'B', b'Z', b'h', ..] => (Some("bzip2"), Box::new(MultiBzDecoder::new(whole))),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            let xz = XzReader::new_mem_limit(whole, true, xz_memory);
            (Some("xz"), Box::new(xz))
        }
        // The second is a frame to skip, with which parallel compressors begin.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => (
            Some("zstd"),
            Box::new(ZstdFrames::new(whole, largest_window)),
        ),
        _ => (None, Box::new(whole)),
    };
    Ok(Decompressed {
        compression,
        content,
    })
}

/// The content of zstd frames, one behind the other.
struct ZstdFrames<R> {
    file: R,
    frame: FrameDecoder,
}

impl<R: BufRead> ZstdFrames<R> {
    fn new(file: R, largest_window: u64) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(largest_window);
        Self { file, frame }
    }

    /// Reads the header of the next frame that has content. Returns whether there is one.
    fn begin_frame(&mut self) -> io::Result<bool> {
        while !self.file.fill_buf()?.is_empty() {
            match self.frame.reset(&mut self.file) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = self.file.by_ref().take(length.into());
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let len = self.frame.read(buffer)?;
            if len > 0 || buffer.is_empty() {
                return Ok(len);
            }
            if self.frame.is_finished() {
                if !self.begin_frame()? {
                    return Ok(0);
                }
            } else {
                let blocks = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.frame.decode_blocks(&mut self.file, blocks);
                decoded.map_err(io::Error::other)?;
            }
        }
    }
}
