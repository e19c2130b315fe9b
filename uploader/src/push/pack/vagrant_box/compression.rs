//! Decompresses a box. `bsdtar`, by which Vagrant unpacks boxes, knows the compression by its first bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _};

use flate2::bufread::MultiGzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

/// The maximum memory that decompressing xz may take, in bytes: `xz -9` needs an eighth of it.
const XZ_MEMORY: u64 = 512 * 1024 * 1024;

/// A reader that says of an error in the data which compression is damaged.
struct Decoder<R> {
    inner: R,
    name: &'static str,
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
        self.inner.read(buffer).map_err(|error| match error.kind() {
            InvalidData | InvalidInput | Other | UnexpectedEof => {
                let name = self.name;
                let reason = format!("its {name} is damaged, or cut off ({error})");
                io::Error::new(InvalidData, reason)
            }
            _ => error,
        })
    }
}

/// Returns a reader of the decompressed content of a file.
///
/// # Errors
/// Fails for a file that cannot be read, or is not compressed in a known way.
pub(super) fn decoder(mut file: &File) -> io::Result<Box<dyn Read + '_>> {
    file.rewind()?;
    let mut file = BufReader::new(file);
    let start = file.fill_buf()?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(decoded(MultiGzDecoder::new(file), "gzip"));
    }
    if start.starts_with(b"BZh") {
        let inner = bzip2::bufread::MultiBzDecoder::new(file);
        return Ok(decoded(inner, "bzip2"));
    }
    if start.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
        let inner = liblzma::bufread::XzDecoder::new_stream(file, stream);
        return Ok(decoded(inner, "xz"));
    }
    if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let inner = zstd::stream::read::Decoder::with_buffer(file)?;
        return Ok(decoded(inner, "zstd"));
    }
    let reason = "it is neither a tar nor a tar compressed with gzip, bzip2, xz or zstd";
    Err(io::Error::new(io::ErrorKind::InvalidData, reason))
}

fn decoded<'a>(inner: impl Read + 'a, name: &'static str) -> Box<dyn Read + 'a> {
    Box::new(Decoder { inner, name })
}
