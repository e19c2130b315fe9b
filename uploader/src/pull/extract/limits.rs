//! Limits what an archive can make its reader keep in memory, write to the disk, or print.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use tar::Entry;

/// The most that may be read before an entry, in bytes: its header, a long name, extended records and
/// the map of a sparse file, all of which the reader keeps in memory at once.
const BEFORE_AN_ENTRY: u64 = 1024 * 1024;
/// The longest name of an entry, or of what a link points to, in bytes: the longest path of Linux.
const NAME: usize = 4096;
/// The most extended records (PAX) of an entry, in bytes.
pub(super) const RECORDS: usize = 16 * 1024;
/// No file is larger than this, in bytes, holes included: they cost nothing, but nobody has such a disk.
const FILE: u64 = 1 << 50;
/// The most entries, the same folder again included.
const ENTRIES: u32 = 1_000_000;
/// The most bytes that the names of all entries have; they are kept.
const NAMES: usize = 256 * 1024 * 1024;
/// The deepest entry, in folders.
const DEPTH: usize = 256;
/// The most that may follow the last entry, in bytes; tar fills up some thousands.
const BEHIND: u64 = 64 * 1024 * 1024;
/// How much of a name an error shows, in characters.
const SHOWN: usize = 120;

/// Tells how many bytes a [`LimitedReader`] may still give, and whether there are no more.
#[derive(Clone)]
pub(super) struct Allowance {
    left: Rc<Cell<u64>>,
    ended: Rc<Cell<bool>>,
}

impl Allowance {
    /// As much as may lie before an entry.
    pub(super) fn before_an_entry(&self) {
        self.left.set(BEFORE_AN_ENTRY);
    }

    /// As much as may follow the last entry.
    pub(super) fn behind_the_last(&self) {
        self.left.set(BEHIND);
    }

    /// All that an entry holds.
    pub(super) fn within_an_entry(&self) {
        self.left.set(u64::MAX);
    }

    /// Whether more was wanted than there is.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }
}

/// The budget is what all entries of an archive together may ask for.
#[derive(Default)]
pub(super) struct Budget {
    entries: u32,
    names: usize,
}

impl Budget {
    /// # Errors
    /// The reason why an entry is refused.
    pub(super) fn take(&mut self, name: &Path) -> Result<(), &'static str> {
        self.entries += 1;
        self.names += name.as_os_str().len();
        if self.entries > ENTRIES || self.names > NAMES {
            return Err("is one of too many");
        }
        if name.components().count() > DEPTH {
            return Err("lies in too many folders");
        }
        Ok(())
    }
}

/// Gives no more than its allowance, and fails for the first byte beyond.
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
            let reason = "a name, an extended header or the end is longer than any that is read";
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
/// The outer error is an entry that cannot be read, the inner one the reason why an entry is refused.
pub(super) fn check(entry: &mut Entry<'_, impl Read>) -> io::Result<Result<(), &'static str>> {
    let link = entry.link_name_bytes().map_or(0, |link| link.len());
    if entry.path_bytes().len().max(link) > NAME {
        return Ok(Err("has a name, or points to one, that no system takes"));
    }
    if entry.size() > FILE {
        return Ok(Err("is larger than any file that is written"));
    }
    let mut records = 0;
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let record = record?;
        // What is there of it is a list of its parts, and then these.
        if record.key_bytes().starts_with(b"GNU.sparse.") {
            return Ok(Err(
                "is a sparse file as only other programs read it, such as tar",
            ));
        }
        records += record.key_bytes().len() + record.value_bytes().len();
    }
    if records > RECORDS {
        return Ok(Err("has longer extended records than are read"));
    }
    Ok(Ok(()))
}

/// A name as an error shows it: as in a string, for it may hold anything, and not all of a long one.
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

    /// An archive of headers, each with a content that is padded to a whole block.
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

    /// One extended record: its own length, a space, the key, `=`, the value, and a line's end.
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
            // As `git archive` begins.
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

    /// Counts what is read.
    struct Counted<'a, R>(R, &'a Cell<u64>);

    impl<R: Read> Read for Counted<'_, R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(buffer)?;
            self.1.set(self.1.get() + read as u64);
            Ok(read)
        }
    }

    #[test]
    fn of_a_name_without_end_no_more_is_read_than_may_precede_an_entry() {
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

    /// A file that is nothing but a hole, as GNU tar packs one.
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
        // More than is free on most machines, and less than file systems take.
        let size = 4 * 1024 * 1024 * MIB;
        unpack(archive(&[hole(size)]).as_slice(), root.path()).unwrap();
        let found = std::fs::metadata(root.path().join("hole")).unwrap();
        assert_eq!(found.len(), size);
        let refused = unpacked(&[hole(1 << 60)]).unwrap_err();
        assert!(refused.contains("larger than any file"), "{refused}");
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
        // Zeros behind the end, as many as fit into a few kilobytes.
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
