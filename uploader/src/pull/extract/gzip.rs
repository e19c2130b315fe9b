//! Unpacks gzip as the program `gzip` does: one stream after another. Bytes after the last stream are
//! ignored, because a disk or a copy may have padded the file. (RFC 1952 calls the streams members.)

use std::io::ErrorKind::{InvalidInput, UnexpectedEof};
use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// A reader of the content of all streams.
pub(super) struct GzipReader<R> {
    /// The stream that is being read; `None` after the last.
    stream: Option<GzDecoder<R>>,
    is_first: bool,
}

impl<R: BufRead> GzipReader<R> {
    pub(super) fn new(gzip: R) -> Self {
        Self {
            stream: Some(GzDecoder::new(gzip)),
            is_first: true,
        }
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(mut stream) = self.stream.take() {
            let read = stream.read(buffer);
            match read {
                // The bytes after the last stream do not begin another one.
                Err(error)
                    if !self.is_first
                        && stream.header().is_none()
                        && matches!(error.kind(), InvalidInput | UnexpectedEof) => {}
                Ok(0) if !buffer.is_empty() => {
                    self.is_first = false;
                    let mut rest = stream.into_inner();
                    if !rest.fill_buf()?.is_empty() {
                        self.stream = Some(GzDecoder::new(rest));
                    }
                }
                read => {
                    self.stream = Some(stream);
                    return read;
                }
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(content).unwrap();
        gzip.finish().unwrap()
    }

    fn unpacked(parts: &[&[u8]]) -> io::Result<Vec<u8>> {
        let all = parts.concat();
        let mut content = Vec::new();
        // The buffer is as small as possible, so that each stream begins and ends at an edge of it.
        let gzip = io::BufReader::with_capacity(1, all.as_slice());
        GzipReader::new(gzip).read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn what_follows_the_last_member_is_passed_over() {
        let (one, two) = (gzip(b"one"), gzip(b"two"));
        for rest in [
            &b""[..],
            b"\0",
            &[0; 1000],
            b"garbage, and more of it",
            b"\x1f\x8b",
        ] {
            assert_eq!(
                unpacked(&[&one, &two, rest]).unwrap(),
                b"onetwo",
                "{rest:?}"
            );
        }
    }

    #[test]
    fn what_is_damaged_or_cut_off_is_an_error() {
        let (one, two) = (gzip(b"one"), gzip(b"two"));
        let mut rotten = one.clone();
        rotten[one.len() - 6] ^= 1;
        for parts in [
            &[&one[..one.len() - 1]][..],
            &[&one, &two[..two.len() - 1]],
            &[&one, &two[..12]],
            &[&rotten],
            &[b"garbage, and more of it"],
            &[b""],
        ] {
            unpacked(parts).unwrap_err();
        }
    }
}
