//! The headers of an archive's entries: writes them, and judges those that others have written.

use std::io;

use bytes::Bytes;
use tar::{EntryType, Header, PaxExtensions};

use super::SnapshotError;

/// The block size of tar archives, which end with two empty blocks.
pub(super) const BLOCK: usize = 512;

/// The largest size in bytes of an extended header (PAX), which other programs add.
const MOST_OF_EXTENSION: u64 = 64 * 1024;

/// An entry of an archive, whose bytes follow, filled up to a whole block.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) len: u64,
    pub(super) kind: Kind,
}

/// The kinds of entries that an archive may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// An extended header, which describes the next entry.
    Extension,
}

impl Entry {
    /// Reads a header; `None` for the empty block with which an archive ends.
    ///
    /// # Errors
    /// When the block is no header, or that of an entry that a snapshot cannot have.
    pub(super) fn read(block: &[u8; BLOCK]) -> Result<Option<Self>, SnapshotError> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = Header::from_byte_slice(block);
        let (before, after) = (&block[..148], &block[156..]);
        // The checksum counts its own eight bytes as spaces.
        let sum = before
            .iter()
            .chain(after)
            .map(|byte| u32::from(*byte))
            .sum::<u32>()
            + 8 * 32;
        if header.cksum().ok() != Some(sum) {
            let error = io::Error::other("a header has another checksum: the archive is damaged");
            return Err(SnapshotError::Read(error));
        }
        let name = String::from_utf8_lossy(&header.path_bytes()).into_owned();
        let kind = match header.entry_type() {
            EntryType::Regular => Kind::File,
            EntryType::Directory => Kind::Folder,
            EntryType::XHeader | EntryType::XGlobalHeader => Kind::Extension,
            other => return Err(SnapshotError::entry(&name, refused(other))),
        };
        let len = header.entry_size()?;
        let is_possible = len.checked_next_multiple_of(BLOCK as u64).is_some();
        if !is_possible || (kind == Kind::Extension && len > MOST_OF_EXTENSION) {
            return Err(SnapshotError::entry(&name, "a header that is too large"));
        }
        Ok(Some(Self { name, len, kind }))
    }

    /// Returns the number of bytes up to the next header.
    pub(super) fn padded_len(&self) -> u64 {
        self.len.next_multiple_of(BLOCK as u64)
    }

    /// Checks the text of an extended header. Other programs store times and owners in it, which are ignored. A
    /// header that changes an entry's name, length or form is refused.
    ///
    /// # Errors
    /// When it does, or the text is none of an extended header.
    pub(super) fn check_extension(&self, text: &[u8]) -> Result<(), SnapshotError> {
        for extension in PaxExtensions::new(text) {
            let extension = extension?;
            let key = extension.key_bytes();
            if matches!(key, b"path" | b"size") || key.starts_with(b"GNU.sparse.") {
                let why = "a header that changes the name, length or form of the next entry";
                return Err(SnapshotError::entry(&self.name, why));
            }
        }
        Ok(())
    }
}

fn refused(kind: EntryType) -> &'static str {
    match kind {
        EntryType::GNUSparse => "a file with holes",
        EntryType::GNULongName | EntryType::GNULongLink => "a long name",
        EntryType::Symlink | EntryType::Link => "a link",
        _ => "neither a file nor a folder",
    }
}

/// Writes the header of a file.
///
/// # Errors
/// When the name is too long.
pub(super) fn write(name: &str, len: u64) -> io::Result<Bytes> {
    let mut header = Header::new_gnu();
    header.set_path(name)?;
    header.set_size(len);
    header.set_mode(0o600);
    header.set_cksum();
    Ok(Bytes::copy_from_slice(header.as_bytes()))
}

/// Returns what fills the last block of a file up.
pub(super) fn padding(len: u64) -> Bytes {
    static ZEROS: [u8; BLOCK] = [0; BLOCK];
    // The padding is less than a block, so the index is in range.
    let missing = (len.next_multiple_of(BLOCK as u64) - len) as usize;
    Bytes::from_static(&ZEROS[..missing])
}

/// Returns the end of an archive.
pub(super) fn end() -> Bytes {
    Bytes::from_static(&[0; 2 * BLOCK])
}
