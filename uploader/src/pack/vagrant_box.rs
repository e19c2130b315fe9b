//! Looks whether Vagrant could use what would be sent as a box: an archive with a file `metadata.json` at
//! its top.
//!
//! Evidence: `lib/vagrant/box_collection.rb` of Vagrant 2.3.4, which lets `bsdtar` unpack a box and then
//! reads that file, whatever else there is.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::{Component, Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use tar::{EntryType, Header, PaxExtensions};

use super::entries::Entries;
use super::options::Options;
use super::{Packable, packable, root};
use crate::error::Cause;

/// This file makes an archive a box.
const METADATA: &str = "metadata.json";
/// A header has this size, and a content is filled up to a multiple of it.
const BLOCK: usize = 512;
/// A name or a record of an entry is read up to so many bytes. `metadata.json` needs none.
const LONGEST_RECORD: u64 = 64 * 1024;
/// The most entries that are looked at.
const ENTRIES: u32 = 100_000;
/// The most characters of a name that an error shows.
const SHOWN: usize = 120;
/// A box is unpacked up to so many bytes; no disk of a box is larger.
const UNPACKED: u64 = 1 << 40;

/// Looks whether Vagrant could use what would be sent of these paths; without a path nothing is. Blocks: a
/// gzip-compressed box is unpacked as far as its `metadata.json`.
///
/// # Errors
/// [`Cause::Unpackable`] says why it could not; [`Cause::File`] names a file that cannot be read.
pub fn check_box(paths: &[PathBuf], options: &Options) -> Result<(), Cause> {
    let keeps = Options {
        keep_tar: true,
        ..options.clone()
    };
    let (path, found) = match packable(paths, &keeps)? {
        Packable::Nothing => return Ok(()),
        Packable::Files(entries) => return of_files(paths, &entries),
        Packable::Tar(path) => {
            let found = File::open(&path).and_then(|file| in_tar(BufReader::new(file)));
            (path, found)
        }
        Packable::Gzip(file, path) => (path, in_gzip(file)),
    };
    match found {
        Ok(Found::Top) => Ok(()),
        Ok(Found::Elsewhere(name)) => Err(refused(
            &path,
            &format!("{METADATA} is not at its top, but at {name:?}"),
        )),
        Ok(Found::Nowhere) => Err(refused(&path, &format!("it has no {METADATA} at its top"))),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(refused(&path, &error.to_string()))
        }
        Err(error) => Err(Cause::file(&path, error)),
    }
}

fn refused(path: &Path, reason: &str) -> Cause {
    let path = path.display();
    Cause::Unpackable(format!(
        "{path}: is no Vagrant box: {reason}; Packer's vagrant post-processor makes one, where atlas follows it in a sequence"
    ))
}

/// Looks at the names of files that become an archive when they are sent.
fn of_files(paths: &[PathBuf], entries: &Entries) -> Result<(), Cause> {
    if entries.iter().any(|(name, _)| name == Path::new(METADATA)) {
        return Ok(());
    }
    let reason = match paths {
        [path] if path.is_file() => {
            "it is neither a tar nor a gzip-compressed one, and would be packed into another archive"
                .to_owned()
        },
        _ => format!("there is no {METADATA} at the top of what would be packed"),
    };
    Err(refused(&root(paths)?, &reason))
}

/// Returns whether a file starts with a header of a tar.
pub(super) fn is_tar(mut file: &File) -> io::Result<bool> {
    file.rewind()?;
    let mut block = [0; BLOCK];
    match read_block(&mut file, &mut block) {
        Ok(is_whole) => Ok(is_whole && is_header(&block)),
        // It is shorter than a header.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns whether the checksum of a header is right. A block of zeros, which ends a tar, is none.
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

/// The place says where a `metadata.json` was found.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Top,
    Elsewhere(String),
    Nowhere,
}

fn in_gzip(mut file: File) -> io::Result<Found> {
    file.rewind()?;
    let unpacked = MultiGzDecoder::new(BufReader::new(file));
    in_tar(unpacked.take(UNPACKED))
}

fn damaged(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Reads the headers of a tar up to a `metadata.json` at its top, and passes over the rest.
fn in_tar(mut tar: impl Read) -> io::Result<Found> {
    let mut found = Found::Nowhere;
    let mut said = Said::default();
    for number in 0..ENTRIES {
        let mut block = [0; BLOCK];
        match read_block(&mut tar, &mut block) {
            Ok(true) if is_header(&block) => {}
            Ok(_) if number == 0 => return Err(damaged("it holds no tar")),
            Ok(true) if block.iter().any(|byte| *byte != 0) => {
                return Err(damaged("its tar is damaged"));
            }
            Ok(_) => return Ok(found),
            // It is shorter than a header.
            Err(error) if number == 0 && error.kind() == io::ErrorKind::InvalidData => {
                return Err(damaged("it holds no tar"));
            }
            Err(error) => return Err(of_gzip(error)),
        }
        let header = Header::from_byte_slice(&block);
        let size = header.entry_size().unwrap_or(u64::MAX);
        if said.hears(header.entry_type(), size, &mut tar)? {
            continue;
        }
        let (name, size) = (said.name(header), said.size.unwrap_or(size));
        said = Said::default();
        // A link may lead to the file.
        if !header.entry_type().is_dir() {
            match place(&name) {
                Some(Found::Top) => return Ok(Found::Top),
                Some(elsewhere) if found == Found::Nowhere => found = elsewhere,
                _ => {}
            }
        }
        if header.entry_type().is_gnu_sparse() {
            skip_map(header, &mut tar)?;
        }
        skip(&mut tar, size)?;
    }
    Err(damaged(&format!(
        "there is no {METADATA} among its first {ENTRIES} entries"
    )))
}

/// Keeps what the entries before an entry say of it.
#[derive(Default)]
struct Said {
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Said {
    /// Reads an entry that is about the next one. Returns whether it was one.
    fn hears(&mut self, kind: EntryType, size: u64, tar: &mut impl Read) -> io::Result<bool> {
        if kind.is_gnu_longname() {
            let mut name = record(tar, size)?;
            name.retain(|byte| *byte != 0);
            self.name = Some(name);
        } else if kind.is_pax_local_extensions() {
            let records = record(tar, size)?;
            for record in PaxExtensions::new(&records).flatten() {
                match record.key() {
                    Ok("path") => self.name = Some(record.value_bytes().to_owned()),
                    Ok("size") => {
                        self.size = record.value().ok().and_then(|size| size.parse().ok())
                    }
                    _ => {}
                }
            }
        } else if kind.is_pax_global_extensions() || kind.is_gnu_longlink() {
            skip(tar, size)?;
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
}

/// Returns the place of a name that is `metadata.json`. As for `bsdtar`, a path that begins with a slash is one
/// below the folder.
fn place(name: &str) -> Option<Found> {
    let path = Path::new(name);
    if path.file_name()? != METADATA {
        return None;
    }
    let parts = path.components();
    let folders = parts.filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    Some(match folders.count() {
        1 => Found::Top,
        _ => Found::Elsewhere(name.chars().take(SHOWN).collect()),
    })
}

/// Reads a block. Returns no for an end before it.
fn read_block(tar: &mut impl Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut read = 0;
    while read < BLOCK {
        match tar.read(&mut block[read..]) {
            Ok(0) if read == 0 => return Ok(false),
            Ok(0) => return Err(damaged("its tar is cut off")),
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Reads the content of an entry that is about another one; nothing of one that is too long.
fn record(tar: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    if size > LONGEST_RECORD {
        skip(tar, size)?;
        return Ok(Vec::new());
    }
    let mut record = Vec::new();
    let padding = padded(size) - size;
    tar.take(size).read_to_end(&mut record).map_err(of_gzip)?;
    skip_exactly(tar, padding)?;
    Ok(record)
}

/// Passes over the blocks that go on with the map of a sparse file.
fn skip_map(header: &Header, tar: &mut impl Read) -> io::Result<()> {
    let mut goes_on = header.as_gnu().is_some_and(|gnu| gnu.is_extended());
    while goes_on {
        let mut block = [0; BLOCK];
        if !read_block(tar, &mut block).map_err(of_gzip)? {
            return Err(damaged("its tar is cut off"));
        }
        // After 21 pairs of 24 bytes.
        goes_on = block[504] == 1;
    }
    Ok(())
}

fn padded(size: u64) -> u64 {
    size.checked_next_multiple_of(BLOCK as u64)
        .unwrap_or(u64::MAX)
}

fn skip(tar: &mut impl Read, size: u64) -> io::Result<()> {
    skip_exactly(tar, padded(size))
}

fn skip_exactly(tar: &mut impl Read, size: u64) -> io::Result<()> {
    let skipped = io::copy(&mut tar.take(size), &mut io::sink()).map_err(of_gzip)?;
    match skipped == size {
        true => Ok(()),
        false => Err(damaged(
            "its tar is cut off, or there is no metadata.json in the part of it that is read",
        )),
    }
}

/// Tells an error of the file, which keeps its kind, from one of what the file holds.
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
    use std::io::Write as _;

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

    fn found(entries: &[Vec<u8>]) -> Result<Found, String> {
        let tar = [entries.concat(), vec![0; 2 * BLOCK]].concat();
        in_tar(tar.as_slice()).map_err(|error| error.to_string())
    }

    use EntryType::{Directory, GNULongName, Regular, Symlink, XGlobalHeader, XHeader};

    fn disk() -> Vec<u8> {
        entry(Regular, "box.img", &[7; 1000])
    }

    #[test]
    fn metadata_at_the_top_is_found_behind_whatever_there_is() {
        for entries in [
            vec![entry(Regular, METADATA, b"{}")],
            vec![disk(), entry(Regular, "./metadata.json", b"{}")],
            vec![entry(Regular, "/metadata.json", b"{}")],
            vec![entry(Symlink, METADATA, b"")],
            vec![
                entry(Directory, "./", b""),
                entry(XGlobalHeader, "pax", b"18 comment=commit\n"),
                entry(GNULongName, "././@LongLink", &[b'n'; 600]),
                disk(),
                entry(Regular, METADATA, b"{}"),
            ],
            vec![entry(XHeader, "x", b"22 path=metadata.json\n"), disk()],
            // No larger file fits into the field of a header.
            vec![
                entry(XHeader, "x", b"13 size=1000\n"),
                [header(Regular, "box.img", 0).as_bytes(), &[7; 1024][..]].concat(),
                entry(Regular, METADATA, b"{}"),
            ],
        ] {
            assert_eq!(found(&entries), Ok(Found::Top));
        }
    }

    #[test]
    fn metadata_elsewhere_is_told_and_a_folder_of_that_name_is_none() {
        let deep = entry(Regular, "./web/metadata.json", b"{}");
        let place = Found::Elsewhere("./web/metadata.json".to_owned());
        assert_eq!(found(&[disk(), deep]), Ok(place));
        let above = entry(Regular, "../metadata.json", b"{}");
        assert!(matches!(found(&[above]), Ok(Found::Elsewhere(_))));
        for other in [
            entry(Directory, METADATA, b""),
            entry(Regular, "Metadata.json", b""),
        ] {
            assert_eq!(found(&[disk(), other]), Ok(Found::Nowhere));
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
            found(&[sparse, entry(Regular, METADATA, b"")]),
            Ok(Found::Top)
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
            let refused = in_tar(tar.as_slice()).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
            assert!(refused.to_string().contains(reason), "{refused}");
        }
        let empty = entry(Regular, "x", b"");
        let refused = in_tar(Repeated(&empty, 0)).unwrap_err().to_string();
        assert!(
            refused.contains("among its first 100000 entries"),
            "{refused}"
        );
    }

    /// Gives the same bytes for ever.
    struct Repeated<'a>(&'a [u8], usize);

    impl Read for Repeated<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = (&self.0[self.1..]).read(buffer)?;
            self.1 = (self.1 + read) % self.0.len();
            Ok(read)
        }
    }

    #[test]
    fn a_damaged_gzip_is_told_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.box");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&disk()).unwrap();
        let whole = gzip.finish().unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let refused = check_box(&[path], &Options::default()).unwrap_err();
        let refused = refused.to_string();
        assert!(
            refused.contains("its gzip is damaged, or cut off"),
            "{refused}"
        );
    }
}
