//! Searches a tar for its `metadata.json`. The library for archives would read names of any length
//! into memory, so that its headers alone are used.

use std::io::{self, Read};

use tar::{EntryType, GnuExtSparseHeader, GnuHeader, Header, PaxExtensions};

use super::{BoxFileProblem, LARGEST_METADATA, MOST_UNPACKED, damaged};

/// The name of the file.
const METADATA: &[u8] = b"metadata.json";

/// The size of a header. Contents are padded to a multiple of it.
const BLOCK: usize = 512;

/// The place of the checksum in a header.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// The largest size in bytes of an extended header (PAX) that is read.
const LARGEST_EXTENSION: u64 = 64 * 1024;

/// Returns the bytes of the file `metadata.json` at the top of a tar.
///
/// # Errors
/// When there is none, or the tar cannot be read that far.
pub(super) fn metadata_json(tar: impl Read) -> Result<Vec<u8>, BoxFileProblem> {
    let mut tar = Tar(tar.take(MOST_UNPACKED));
    // The size that an extended header gives to the next entry.
    let mut size_ahead = None;
    let mut missing = BoxFileProblem::NoTar;
    while let Some(header) = tar.header()? {
        if !is_intact(&header) {
            return Err(match missing {
                BoxFileProblem::NoTar => missing,
                _ => BoxFileProblem::Damaged("a header of its tar is wrong".to_owned()),
            });
        }
        missing = BoxFileProblem::NoMetadata;
        let size = match size_ahead.take() {
            Some(size) => size,
            None => header.entry_size().map_err(damaged)?,
        };
        match header.entry_type() {
            EntryType::Regular | EntryType::Continuous if is_metadata(&header) => {
                return match size {
                    0..=LARGEST_METADATA => tar.content(size),
                    _ => Err(BoxFileProblem::TooLarge),
                };
            }
            EntryType::XHeader if size <= LARGEST_EXTENSION => {
                size_ahead = told_size(&tar.content(size)?);
            }
            EntryType::GNUSparse => {
                tar.skip_map(&header)?;
                tar.skip(size)?;
            }
            _ => tar.skip(size)?,
        }
    }
    Err(missing)
}

/// A tar that is read from its beginning, up to a limit.
struct Tar<R>(io::Take<R>);

impl<R: Read> Tar<R> {
    /// Reads the header of the next entry; `None` at the end of the tar.
    fn header(&mut self) -> Result<Option<Header>, BoxFileProblem> {
        let block = self.block()?.filter(|block| **block != [0; BLOCK]);
        Ok(block.map(|block| Header::from_byte_slice(&block).clone()))
    }

    /// Reads a block; `None` if the file ends before or within it.
    fn block(&mut self) -> Result<Option<Vec<u8>>, BoxFileProblem> {
        let mut block = Vec::with_capacity(BLOCK);
        // `read_exact` has the same error for a file that ends and for a compressed stream that
        // breaks off.
        let read = self.0.by_ref().take(BLOCK as u64).read_to_end(&mut block);
        match read.map_err(damaged)? {
            BLOCK => Ok(Some(block)),
            _ if self.0.limit() == 0 => Err(BoxFileProblem::TooFar),
            _ => Ok(None),
        }
    }

    /// Reads the content of an entry, whose size the caller has checked.
    fn content(&mut self, size: u64) -> Result<Vec<u8>, BoxFileProblem> {
        let mut content = Vec::new();
        let read = self.0.by_ref().take(size).read_to_end(&mut content);
        match read.map_err(damaged)? as u64 {
            read if read == size => {}
            _ => return Err(self.cut_off()),
        }
        self.pass(size.next_multiple_of(BLOCK as u64) - size)?;
        Ok(content)
    }

    /// Skips the content of an entry.
    fn skip(&mut self, size: u64) -> Result<(), BoxFileProblem> {
        self.pass(
            size.checked_next_multiple_of(BLOCK as u64)
                .unwrap_or(u64::MAX),
        )
    }

    /// Skips the rest of the map of a sparse file, which follows its header.
    fn skip_map(&mut self, header: &Header) -> Result<(), BoxFileProblem> {
        let mut is_extended = header.as_gnu().is_some_and(GnuHeader::is_extended);
        while is_extended {
            let block = self.block()?.ok_or_else(|| self.cut_off())?;
            let mut more = GnuExtSparseHeader::new();
            more.as_mut_bytes().copy_from_slice(&block);
            is_extended = more.is_extended();
        }
        Ok(())
    }

    fn pass(&mut self, bytes: u64) -> Result<(), BoxFileProblem> {
        let passed = io::copy(&mut self.0.by_ref().take(bytes), &mut io::sink());
        match passed.map_err(damaged)? {
            passed if passed == bytes => Ok(()),
            _ => Err(self.cut_off()),
        }
    }

    fn cut_off(&self) -> BoxFileProblem {
        match self.0.limit() {
            0 => BoxFileProblem::TooFar,
            _ => BoxFileProblem::Damaged("its tar is cut off".to_owned()),
        }
    }
}

fn is_metadata(header: &Header) -> bool {
    let mut name = &*header.path_bytes();
    while let Some(rest) = name.strip_prefix(b"./") {
        name = rest;
    }
    name == METADATA
}

/// Returns whether the checksum of a header is right: the sum of its bytes, with spaces in the place
/// of the checksum.
fn is_intact(header: &Header) -> bool {
    let bytes = header.as_bytes().iter().enumerate();
    let sum = bytes.map(|(at, byte)| match CHECKSUM.contains(&at) {
        true => u32::from(b' '),
        false => u32::from(*byte),
    });
    header.cksum().is_ok_and(|told| told == sum.sum::<u32>())
}

fn told_size(extension: &[u8]) -> Option<u64> {
    let mut pairs = PaxExtensions::new(extension).filter_map(Result::ok);
    let size = pairs.find(|pair| pair.key_bytes() == b"size")?;
    size.value().ok()?.parse().ok()
}
