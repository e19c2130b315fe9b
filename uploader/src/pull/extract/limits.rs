//! Limits the memory, the disk space and the output that an archive can make its reader use.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use tar::Entry;

/// The largest number of bytes before an entry: its header, a long name, extended records and the map of a
/// sparse file, all of which the reader keeps in memory at once.
const BEFORE_AN_ENTRY: u64 = 1024 * 1024;
/// The longest name of an entry, or of the target of a link, in bytes: the longest path of Linux.
const NAME: usize = 4096;
/// The most extended records (PAX) of an entry, in bytes.
pub(super) const RECORDS: usize = 16 * 1024;
/// The largest file, in bytes, including holes: holes cost nothing, but no disk is as large.
const FILE: u64 = 1 << 50;
/// The largest number of entries, including repeated ones for the same folder.
const ENTRIES: u32 = 1_000_000;
/// The largest total length of the names of all entries, in bytes. They are kept in memory.
const NAMES: usize = 256 * 1024 * 1024;
/// The depth of the deepest entry, in folders.
const DEPTH: usize = 256;
/// The largest number of bytes after the last entry; tar pads with some thousands.
const BEHIND: u64 = 64 * 1024 * 1024;
/// The number of characters of a name that an error shows.
const SHOWN: usize = 120;

/// The number of bytes that a [`LimitedReader`] may still return, and whether its input has ended.
#[derive(Clone)]
pub(super) struct Allowance {
    left: Rc<Cell<u64>>,
    ended: Rc<Cell<bool>>,
}

impl Allowance {
    /// Allows as many bytes as may precede an entry.
    pub(super) fn before_an_entry(&self) {
        self.left.set(BEFORE_AN_ENTRY);
    }

    /// Allows as many bytes as may follow the last entry.
    pub(super) fn behind_the_last(&self) {
        self.left.set(BEHIND);
    }

    /// Allows the whole content of an entry.
    pub(super) fn within_an_entry(&self) {
        self.left.set(u64::MAX);
    }

    /// Returns whether more bytes were wanted than the input has.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }
}

/// The total of all entries of an archive, against its limits.
#[derive(Default)]
pub(super) struct Budget {
    entries: u32,
    names: usize,
}

impl Budget {
    /// # Errors
    /// Returns the reason why an entry is refused.
    pub(super) fn take(&mut self, name: &Path) -> Result<(), &'static str> {
        self.entries += 1;
        self.names += name.as_os_str().len();
        if self.entries > ENTRIES || self.names > NAMES {
            return Err("exceeds the limit on the number or length of names");
        }
        if name.components().count() > DEPTH {
            return Err("is nested in too many folders");
        }
        Ok(())
    }
}

/// A reader that returns no more than its allowance, and fails for the first byte beyond.
pub(super) struct LimitedReader<R> {
    inner: R,
    allowance: Allowance,
}

impl<R> LimitedReader<R> {
    pub(super) fn new(inner: R) -> (Self, Allowance) {
        let allowance = Allowance {
            left: Rc::new(Cell::new(u64::MAX)),
            ended: Rc::default(),
        };
        let own = allowance.clone();
        let this = Self {
            inner,
            allowance: own,
        };
        (this, allowance)
    }
}

impl<R: Read> Read for LimitedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.allowance.left.get();
        let wanted = usize::try_from(left).unwrap_or(usize::MAX);
        let wanted = wanted.min(buffer.len());
        if wanted == 0 && !buffer.is_empty() {
            let reason = "a name, an extended header or the padding at the end is too long";
            return Err(io::Error::other(reason));
        }
        let read = self.inner.read(&mut buffer[..wanted]);
        let has_ended = match &read {
            Ok(read) => *read == 0 && wanted > 0,
            Err(error) => error.kind() == io::ErrorKind::UnexpectedEof,
        };
        self.allowance.ended.set(has_ended);
        let read = read?;
        self.allowance.left.set(left - read as u64);
        Ok(read)
    }
}

/// # Errors
/// The outer error is that of an entry that cannot be read, the inner one the reason why an entry is refused.
pub(super) fn check(entry: &mut Entry<'_, impl Read>) -> io::Result<Result<(), &'static str>> {
    let link = entry.link_name_bytes().map_or(0, |link| link.len());
    if entry.path_bytes().len().max(link) > NAME {
        return Ok(Err("has a name, or a link target, that is too long"));
    }
    if entry.size() > FILE {
        return Ok(Err("is larger than the limit for a file"));
    }
    let mut records = 0;
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let record = record?;
        // The content of such an entry is a list of its parts, followed by the parts.
        if record.key_bytes().starts_with(b"GNU.sparse.") {
            return Ok(Err(
                "is a sparse file in a format that only other programs read, such as tar",
            ));
        }
        records += record.key_bytes().len() + record.value_bytes().len();
    }
    if records > RECORDS {
        return Ok(Err("has extended records that are too long"));
    }
    Ok(Ok(()))
}

/// Formats a name for an error: escaped, because it may contain any character, and cut if it is long.
pub(super) fn shown(name: &Path) -> String {
    let whole = format!("{name:?}");
    match whole.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::super::unpack;
    use super::*;
    use std::io::Write as _;
    use tar::{EntryType, Header};

    const MIB: u64 = 1024 * 1024;

    fn header(kind: EntryType, name: &str, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(size);
        header.set_cksum();
        header
    }

    /// Returns an archive of headers, each with a content that is padded to a whole block.
    fn archive(entries: &[(Header, Vec<u8>)]) -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut gzip = io::BufWriter::new(gzip);
        for (header, content) in entries {
            gzip.write_all(header.as_bytes()).unwrap();
            gzip.write_all(content).unwrap();
            let padding = content.len().next_multiple_of(512) - content.len();
            gzip.write_all(&vec![0; padding]).unwrap();
        }
        gzip.write_all(&[0; 1024]).unwrap();
        gzip.into_inner().unwrap().finish().unwrap()
    }

    fn file() -> (Header, Vec<u8>) {
        (header(EntryType::Regular, "file", 4), b"here".to_vec())
    }

    fn unpacked(entries: &[(Header, Vec<u8>)]) -> Result<(), String> {
        let root = tempfile::tempdir().unwrap();
        let result = unpack(archive(entries).as_slice(), root.path());
        result.map_err(|cause| cause.to_string())
    }

    fn comment(length: usize) -> Vec<u8> {
        record("comment", &"v".repeat(length))
    }

    fn before(kind: EntryType, content: Vec<u8>) -> Vec<(Header, Vec<u8>)> {
        let header = header(kind, "././@LongLink", content.len() as u64);
        vec![(header, content), file()]
    }

    /// Returns an extended record: its own length, a space, the key, `=`, the value, and a newline.
    fn record(key: &str, value: &str) -> Vec<u8> {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len();
        while length != rest.len() + length.to_string().len() {
            length = rest.len() + length.to_string().len();
        }
        format!("{length}{rest}").into_bytes()
    }

    #[test]
    fn names_and_records_that_others_write_are_read() {
        let name = format!("{}/{}", "d".repeat(200), "f".repeat(200));
        for entries in [
            before(EntryType::GNULongName, name.into_bytes()),
            before(EntryType::XHeader, comment(8000)),
            // An archive of `git archive` begins like this.
            before(EntryType::XGlobalHeader, comment(40)),
        ] {
            unpacked(&entries).unwrap();
        }
    }

    #[test]
    fn what_would_be_kept_in_memory_is_refused_in_few_words() {
        let long = usize::try_from(64 * MIB).unwrap();
        for (kind, content) in [
            (EntryType::GNULongName, vec![b'n'; 5000]),
            (EntryType::GNULongName, vec![b'n'; long]),
            (EntryType::GNULongLink, vec![b'n'; 5000]),
            (EntryType::GNULongLink, vec![b'n'; long]),
            (EntryType::XGlobalHeader, comment(20_000)),
            (EntryType::XGlobalHeader, comment(long)),
            (EntryType::XHeader, comment(20_000)),
            (EntryType::XHeader, comment(long)),
        ] {
            let length = content.len();
            let refused = unpacked(&before(kind, content)).unwrap_err();
            assert!(refused.len() < 400, "{kind:?} of {length}: {refused}");
        }
    }

    /// A reader that counts the bytes read.
    struct Counted<'a, R>(R, &'a Cell<u64>);

    impl<R: Read> Read for Counted<'_, R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(buffer)?;
            self.1.set(self.1.get() + read as u64);
            Ok(read)
        }
    }

    #[test]
    fn an_endless_name_is_read_only_up_to_its_limit() {
        let read = Cell::new(0);
        let endless = io::repeat(b'n').take(64 * MIB);
        let head = header(EntryType::GNULongName, "x", u64::MAX / 2);
        let (bounded, allowance) =
            LimitedReader::new(Counted(head.as_bytes().chain(endless), &read));
        let mut archive = tar::Archive::new(bounded);
        allowance.before_an_entry();
        assert!(archive.entries().unwrap().next().unwrap().is_err());
        assert_eq!(read.get(), BEFORE_AN_ENTRY);
    }

    /// Returns the entry of a file that consists of a hole only, as GNU tar packs it.
    fn hole(size: u64) -> (Header, Vec<u8>) {
        let mut header = header(EntryType::GNUSparse, "hole", 0);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.realsize[0] = 0x80;
        gnu.realsize[4..].copy_from_slice(&size.to_be_bytes());
        gnu.sparse[0].offset = gnu.realsize;
        gnu.sparse[0].numbytes = *b"00000000000\0";
        header.set_cksum();
        (header, Vec::new())
    }

    #[test]
    fn a_hole_needs_no_room_and_has_an_end() {
        let root = tempfile::tempdir().unwrap();
        // The size is more than is free on most machines, and less than the limits of file systems.
        let size = 4 * 1024 * 1024 * MIB;
        unpack(archive(&[hole(size)]).as_slice(), root.path()).unwrap();
        let found = std::fs::metadata(root.path().join("hole")).unwrap();
        assert_eq!(found.len(), size);
        let refused = unpacked(&[hole(1 << 60)]).unwrap_err();
        assert!(
            refused.contains("larger than the limit for a file"),
            "{refused}"
        );
    }

    #[test]
    fn parts_of_a_sparse_file_are_not_taken_for_the_file() {
        let mut records = record("GNU.sparse.major", "1");
        records.extend(record("GNU.sparse.name", "disk.img"));
        let refused = unpacked(&before(EntryType::XHeader, records)).unwrap_err();
        assert!(refused.contains("\"file\" is a sparse file"), "{refused}");
    }

    #[test]
    fn an_archive_that_would_take_for_ever_is_refused() {
        let deep = "d/".repeat(300);
        let deep = before(EntryType::GNULongName, deep.into_bytes());
        let refused = unpacked(&deep).unwrap_err();
        assert!(refused.contains("too many folders"), "{refused}");
        let mut budget = Budget::default();
        let name = "n".repeat(4000);
        let taken = (0..=ENTRIES).take_while(|_| budget.take(Path::new(&name)).is_ok());
        assert!(taken.count() <= NAMES / 4000);
        let mut budget = Budget::default();
        let taken = (0..=ENTRIES).take_while(|_| budget.take(Path::new("n")).is_ok());
        assert_eq!(taken.count(), ENTRIES as usize);
        // The archive has as many zeros after its end as fit into a few kilobytes.
        let mut tail = archive(&[file()]);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::copy(&mut io::repeat(0).take(65 * MIB), &mut gzip).unwrap();
        tail.extend(gzip.finish().unwrap());
        let root = tempfile::tempdir().unwrap();
        assert!(unpack(tail.as_slice(), root.path()).is_err());
    }

    #[test]
    fn of_a_long_name_an_error_shows_the_beginning() {
        let long = "é\n".repeat(3000);
        let shown = shown(Path::new(&long));
        assert!(shown.starts_with(r#""é\né\n"#), "{shown}");
        assert_eq!(shown.chars().count(), SHOWN + 1);
        assert_eq!(super::shown(Path::new("a b")), r#""a b""#);
    }
}
