//! Scans a tar for the `metadata.json` that makes it a box, and reads no more than necessary.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::{Component, Path};

use flate2::bufread::MultiGzDecoder;
use tar::{EntryType, Header, PaxExtensions};

/// The name of the file that makes an archive a box.
pub(super) const METADATA: &str = "metadata.json";
/// The size of a header; contents are padded to a multiple of it.
const BLOCK: usize = 512;
/// The maximum length of a name or record that is read. `metadata.json` needs none.
const LONGEST_RECORD: u64 = 64 * 1024;
/// The maximum number of entries that are examined.
const ENTRIES: u32 = 100_000;
/// The maximum number of characters of a name in an error.
const SHOWN: usize = 120;
/// The maximum number of bytes that are unpacked; no disk of a box is larger.
const UNPACKED: u64 = 1 << 40;
/// The maximum number of links in a chain, as in Linux.
const LINKS: u32 = 40;
/// The maximum length of a `metadata.json` whose content is kept whole.
pub(super) const LONGEST_METADATA: u64 = 64 * 1024;

/// The reason why a tar without an end is refused.
const CUT_OFF: &str = "its tar is cut off";

/// The result of a search for a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ScanResult {
    /// A file with content is at the top. The content is cut off one byte behind [`LONGEST_METADATA`].
    File(Vec<u8>),
    /// The file at the top is empty.
    EmptyFile,
    /// An entry at the top has the name, and is neither a file nor a link.
    OtherKind,
    /// An entry at the top has the name, and is a link to this target.
    Link(String),
    /// An entry has the name, but not at the top.
    Elsewhere(String),
    /// No entry has the name.
    Missing,
}

/// A reader of a tar that can skip contents.
pub(super) trait Tar: Read {
    /// Whether skipping is so cheap that all headers are read.
    const READS_ALL_HEADERS: bool;

    /// Skips `size` bytes.
    ///
    /// # Errors
    /// Fails when fewer bytes are left.
    fn skip(&mut self, size: u64) -> io::Result<()>;
}

/// A tar that is a plain file, in which seeking skips contents.
pub(super) struct Plain<'a> {
    file: BufReader<&'a File>,
    length: u64,
}

impl<'a> Plain<'a> {
    pub(super) fn of(file: &'a File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let file = BufReader::new(file);
        Ok(Self { file, length })
    }
}

impl Read for Plain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Tar for Plain<'_> {
    const READS_ALL_HEADERS: bool = true;

    fn skip(&mut self, size: u64) -> io::Result<()> {
        let left = self.length.saturating_sub(self.file.stream_position()?);
        match i64::try_from(size) {
            Ok(step) if size <= left => self.file.seek_relative(step),
            _ => Err(damaged(CUT_OFF)),
        }
    }
}

/// A tar that is decompressed while it is read, so that skipping means reading.
pub(super) struct Unpacked<R>(R);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Tar for Unpacked<R> {
    const READS_ALL_HEADERS: bool = false;

    fn skip(&mut self, size: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.0.by_ref().take(size), &mut io::sink());
        match passed.map_err(of_gzip)? == size {
            true => Ok(()),
            false => Err(damaged(
                "its tar is cut off, or the part of it that is read has no metadata.json",
            )),
        }
    }
}

pub(super) fn unpacked(file: &File) -> io::Result<Unpacked<impl Read>> {
    Ok(unpacked_from(MultiGzDecoder::new(BufReader::new(file))))
}

/// Returns a tar that a decoder decompresses.
pub(super) fn unpacked_from<R: Read>(decoder: R) -> Unpacked<impl Read> {
    Unpacked(decoder.take(UNPACKED))
}

/// Returns whether a file starts with a tar header.
pub(in crate::push::pack) fn is_tar(mut file: &File) -> io::Result<bool> {
    file.rewind()?;
    let mut block = [0; BLOCK];
    match read_block(&mut file, &mut block) {
        Ok(is_whole) => Ok(is_whole && is_header(&block)),
        // The file is shorter than a header.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns whether the checksum of a header is valid. It is not for a block of zeros, which ends a tar.
fn is_header(block: &[u8; BLOCK]) -> bool {
    let sum = Header::from_byte_slice(block).cksum();
    let place = 148..156;
    let bytes = block.iter().enumerate();
    let counted = bytes.map(|(index, byte)| match place.contains(&index) {
        true => u32::from(b' '),
        false => u32::from(*byte),
    });
    sum.is_ok_and(|sum| sum == counted.sum::<u32>())
}

/// Searches for a `metadata.json`, and while that is a link for its target, each time from the start of the tar.
pub(super) fn find_metadata<'a, T: Tar>(
    mut file: &'a File,
    open: impl Fn(&'a File) -> io::Result<T>,
) -> io::Result<ScanResult> {
    let mut wanted = METADATA.to_owned();
    for _ in 0..LINKS {
        file.rewind()?;
        match scan(open(file)?, &wanted)? {
            ScanResult::Link(target) => wanted = target,
            ScanResult::Elsewhere(_) | ScanResult::Missing if wanted != METADATA => break,
            found => return Ok(found),
        }
    }
    Ok(ScanResult::Link(wanted))
}

fn damaged(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Reads the headers of a tar up to a file with the wanted name, relative to its top, and skips contents.
fn scan<T: Tar>(mut tar: T, wanted: &str) -> io::Result<ScanResult> {
    let mut found = ScanResult::Missing;
    let mut overrides = Overrides::default();
    for number in 0..ENTRIES {
        let mut block = [0; BLOCK];
        match read_block(&mut tar, &mut block) {
            Ok(true) if is_header(&block) => {}
            Ok(_) if number == 0 => return Err(damaged("it holds no tar")),
            Ok(true) if block.iter().any(|byte| *byte != 0) => {
                return Err(damaged("its tar is damaged"));
            }
            Ok(_) => return Ok(found),
            // The file is shorter than a header.
            Err(error) if number == 0 && error.to_string() == CUT_OFF => {
                return Err(damaged("it holds no tar"));
            }
            Err(error) => return Err(of_gzip(error)),
        }
        let header = Header::from_byte_slice(&block);
        let size = header.entry_size().unwrap_or(u64::MAX);
        if overrides.read_extension(header.entry_type(), size, &mut tar)? {
            continue;
        }
        let size = overrides.size.unwrap_or(size);
        let mut here = overrides.found(header, size, wanted);
        overrides = Overrides::default();
        if header.entry_type().is_gnu_sparse() {
            skip_map(header, &mut tar)?;
        }
        let mut rest = padded(size);
        if let Some(ScanResult::File(content)) = &mut here {
            *content = beginning(&mut tar, size)?;
            rest -= content.len() as u64;
        }
        match here {
            Some(ScanResult::Elsewhere(_)) if found != ScanResult::Missing => {}
            Some(ScanResult::Elsewhere(_)) | None => found = here.unwrap_or(found),
            // The last entry of a name counts, as for `bsdtar`, where reading all headers is cheap.
            Some(here) if T::READS_ALL_HEADERS => found = here,
            Some(here) => return Ok(here),
        }
        tar.skip(rest)?;
    }
    match found {
        ScanResult::Elsewhere(_) | ScanResult::Missing => Err(damaged(&format!(
            "there is no {METADATA} among its first {ENTRIES} entries"
        ))),
        found => Ok(found),
    }
}

/// The values that extension entries set for the entry after them.
#[derive(Default)]
struct Overrides {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Overrides {
    /// Reads an entry if it is an extension of the next one, and returns whether it was.
    fn read_extension(
        &mut self,
        kind: EntryType,
        size: u64,
        tar: &mut impl Tar,
    ) -> io::Result<bool> {
        if kind.is_gnu_longname() || kind.is_gnu_longlink() {
            let mut name = record(tar, size)?;
            name.retain(|byte| *byte != 0);
            match kind.is_gnu_longname() {
                true => self.name = Some(name),
                false => self.target = Some(name),
            }
        } else if kind.is_pax_local_extensions() {
            let records = record(tar, size)?;
            for record in PaxExtensions::new(&records).flatten() {
                match record.key() {
                    Ok("path") => self.name = Some(record.value_bytes().to_owned()),
                    Ok("linkpath") => self.target = Some(record.value_bytes().to_owned()),
                    Ok("size") => {
                        self.size = record.value().ok().and_then(|size| size.parse().ok())
                    }
                    _ => {}
                }
            }
        } else if kind.is_pax_global_extensions() {
            tar.skip(padded(size))?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn name(&self, header: &Header) -> String {
        let own = || header.path_bytes().into_owned();
        let name = self.name.clone().unwrap_or_else(own);
        String::from_utf8_lossy(&name).into_owned()
    }

    fn target(&self, header: &Header) -> String {
        let own = || header.link_name_bytes().unwrap_or_default().into_owned();
        let target = self.target.clone().unwrap_or_else(own);
        String::from_utf8_lossy(&target).into_owned()
    }

    /// Returns the kind of an entry that has the wanted name or is a `metadata.json` elsewhere.
    fn found(&self, header: &Header, size: u64, wanted: &str) -> Option<ScanResult> {
        let (name, kind) = (self.name(header), header.entry_type());
        // A folder with the wanted name may contain other entries.
        if kind.is_dir() {
            return None;
        }
        if parts(&name) != parts(wanted) {
            let is_deep = Path::new(&name).file_name()? == METADATA;
            return is_deep.then(|| ScanResult::Elsewhere(shown(&name)));
        }
        Some(match kind {
            EntryType::Link => ScanResult::Link(self.target(header)),
            EntryType::Symlink => ScanResult::Link(beside(&name, &self.target(header))),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse if size == 0 => {
                ScanResult::EmptyFile
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                ScanResult::File(Vec::new())
            }
            _ => ScanResult::OtherKind,
        })
    }
}

/// Returns the parts of a name. As for `bsdtar`, a name that begins with a slash is relative to the folder.
fn parts(name: &str) -> Vec<Component<'_>> {
    let parts = Path::new(name).components();
    let parts = parts.filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    parts.collect()
}

/// Returns the name of a symbolic link's target, relative to the top of the tar.
fn beside(name: &str, target: &str) -> String {
    match name.rsplit_once('/') {
        Some((folder, _)) if !target.starts_with('/') => format!("{folder}/{target}"),
        _ => target.to_owned(),
    }
}

pub(super) fn shown(name: &str) -> String {
    name.chars().take(SHOWN).collect()
}

/// Reads a block; returns `false` at the end of the tar.
fn read_block(tar: &mut impl Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut read = 0;
    while read < BLOCK {
        match tar.read(&mut block[read..]) {
            Ok(0) if read == 0 => return Ok(false),
            Ok(0) => return Err(damaged(CUT_OFF)),
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Reads the content of an extension entry; skips one that is too long, and returns no bytes.
fn record(tar: &mut impl Tar, size: u64) -> io::Result<Vec<u8>> {
    if size > LONGEST_RECORD {
        tar.skip(padded(size))?;
        return Ok(Vec::new());
    }
    let mut record = Vec::new();
    let padding = padded(size) - size;
    tar.by_ref()
        .take(size)
        .read_to_end(&mut record)
        .map_err(of_gzip)?;
    tar.skip(padding)?;
    Ok(record)
}

/// Reads the content of an entry, as far as it is kept.
fn beginning(tar: &mut impl Tar, size: u64) -> io::Result<Vec<u8>> {
    let kept = size.min(LONGEST_METADATA + 1);
    let mut content = Vec::new();
    let read = tar.by_ref().take(kept).read_to_end(&mut content);
    match read.map_err(of_gzip)? as u64 == kept {
        true => Ok(content),
        false => Err(damaged(CUT_OFF)),
    }
}

/// Skips the blocks that continue the map of a sparse file.
fn skip_map(header: &Header, tar: &mut impl Read) -> io::Result<()> {
    let mut goes_on = header.as_gnu().is_some_and(|gnu| gnu.is_extended());
    while goes_on {
        let mut block = [0; BLOCK];
        if !read_block(tar, &mut block).map_err(of_gzip)? {
            return Err(damaged(CUT_OFF));
        }
        // The flag follows 21 pairs of 24 bytes.
        goes_on = block[504] == 1;
    }
    Ok(())
}

fn padded(size: u64) -> u64 {
    size.checked_next_multiple_of(BLOCK as u64)
        .unwrap_or(u64::MAX)
}

/// Separates an error of reading the file, which keeps its kind, from an error in its gzip data.
fn of_gzip(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            damaged(&format!("its gzip is damaged, or cut off ({error})"))
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: EntryType, name: &str, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        header
    }

    fn entry(kind: EntryType, name: &str, content: &[u8]) -> Vec<u8> {
        let header = header(kind, name, content.len() as u64);
        let padding = content.len().next_multiple_of(BLOCK) - content.len();
        [header.as_bytes(), content, &vec![0; padding]].concat()
    }

    fn found(entries: &[Vec<u8>]) -> Result<ScanResult, String> {
        let tar = [entries.concat(), vec![0; 2 * BLOCK]].concat();
        scan(Unpacked(tar.as_slice()), METADATA).map_err(|error| error.to_string())
    }

    use EntryType::{Directory, GNULongName, Regular, XGlobalHeader, XHeader};

    fn disk() -> Vec<u8> {
        entry(Regular, "box.img", &[7; 1000])
    }

    #[test]
    fn metadata_at_the_top_is_found_behind_whatever_there_is() {
        for entries in [
            vec![entry(Regular, METADATA, b"{}")],
            vec![disk(), entry(Regular, "./metadata.json", b"{}")],
            vec![entry(Regular, "/metadata.json", b"{}")],
            vec![
                entry(Directory, "./", b""),
                entry(XGlobalHeader, "pax", b"18 comment=commit\n"),
                entry(GNULongName, "././@LongLink", &[b'n'; 600]),
                disk(),
                entry(Regular, METADATA, b"{}"),
            ],
            vec![entry(XHeader, "x", b"22 path=metadata.json\n"), disk()],
            // The size field of a header cannot express a larger file.
            vec![
                entry(XHeader, "x", b"13 size=1000\n"),
                [header(Regular, "box.img", 0).as_bytes(), &[7; 1024][..]].concat(),
                entry(Regular, METADATA, b"{}"),
            ],
        ] {
            assert!(matches!(found(&entries), Ok(ScanResult::File(_))));
        }
    }

    #[test]
    fn metadata_elsewhere_is_told_and_a_folder_of_that_name_is_none() {
        let deep = entry(Regular, "./web/metadata.json", b"{}");
        let place = ScanResult::Elsewhere("./web/metadata.json".to_owned());
        assert_eq!(found(&[disk(), deep]), Ok(place));
        let above = entry(Regular, "../metadata.json", b"{}");
        assert!(matches!(found(&[above]), Ok(ScanResult::Elsewhere(_))));
        for other in [
            entry(Directory, METADATA, b""),
            entry(Regular, "Metadata.json", b""),
        ] {
            assert_eq!(found(&[disk(), other]), Ok(ScanResult::Missing));
        }
    }

    #[test]
    fn the_map_of_a_sparse_file_is_passed_over() {
        let mut header = header(EntryType::GNUSparse, "box.img", 512);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.isextended = [1];
        header.set_cksum();
        let (mut goes_on, last) = ([0; BLOCK], [0; BLOCK]);
        goes_on[504] = 1;
        let sparse = [&header.as_bytes()[..], &goes_on, &last, &[7; 512]].concat();
        assert_eq!(
            found(&[sparse, entry(Regular, METADATA, b"{}")]),
            Ok(ScanResult::File(b"{}".to_vec()))
        );
    }

    #[test]
    fn what_is_cut_off_damaged_or_without_end_is_refused_and_little_of_it_is_kept() {
        let endless = header(Regular, "box.img", u64::MAX / 2);
        let name = header(GNULongName, "x", 1 << 40);
        for (tar, reason) in [
            (b"text".to_vec(), "holds no tar"),
            (vec![7; 2000], "holds no tar"),
            (vec![0; 2000], "holds no tar"),
            (Vec::new(), "holds no tar"),
            ([disk(), vec![7; BLOCK]].concat(), "damaged"),
            (disk()[..600].to_vec(), "cut off"),
            (endless.as_bytes().to_vec(), "cut off"),
            (name.as_bytes().to_vec(), "cut off"),
        ] {
            let refused = scan(Unpacked(tar.as_slice()), METADATA).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
            assert!(refused.to_string().contains(reason), "{refused}");
        }
        let empty = entry(Regular, "x", b"");
        let refused = scan(Unpacked(Repeated(&empty, 0)), METADATA)
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("among its first 100000 entries"),
            "{refused}"
        );
    }

    /// A reader that repeats the same bytes endlessly.
    struct Repeated<'a>(&'a [u8], usize);

    impl Read for Repeated<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = (&self.0[self.1..]).read(buffer)?;
            self.1 = (self.1 + read) % self.0.len();
            Ok(read)
        }
    }
}
