//! Decompresses a file as its first bytes say.

use std::io::{self, BufRead, Cursor, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::LARGEST_WINDOW;

/// The number of bytes that tell the compressions apart.
const MAGIC: usize = 6;

/// The memory in KiB that the decoder of xz may use: the largest window, and its tables.
const XZ_MEMORY: u32 = (LARGEST_WINDOW / 1024) as u32 + 4096;

/// Returns the decompressed bytes of a file. A file of an unknown format is taken for an uncompressed
/// one. Streams one behind the other count as one, since the parallel compressors make them.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn unpacked(mut file: impl BufRead + 'static) -> io::Result<Box<dyn Read>> {
    let mut magic = Vec::new();
    file.by_ref().take(MAGIC as u64).read_to_end(&mut magic)?;
    let whole = Cursor::new(magic.clone()).chain(file);
    Ok(match *magic {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(whole)),
        [b'B', b'Z', b'h', ..] => Box::new(MultiBzDecoder::new(whole)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            Box::new(XzReader::new_mem_limit(whole, true, XZ_MEMORY))
        }
        // The second is a frame to skip, with which parallel compressors begin.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            Box::new(ZstdFrames::new(whole))
        }
        _ => Box::new(whole),
    })
}

/// The content of zstd frames, one behind the other.
struct ZstdFrames<R> {
    file: R,
    frame: FrameDecoder,
}

impl<R: BufRead> ZstdFrames<R> {
    fn new(file: R) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(LARGEST_WINDOW);
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
