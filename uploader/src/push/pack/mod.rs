//! Turns local paths into the single file of an upload, by the rules of Packer's post-processor: without paths
//! there is no file; a gzip file is sent unchanged; everything else becomes a gzip-compressed tar, of a folder's
//! content or of several files below their common folder.
//!
//! Evidence: the contract's section on versions, and the recorded requests of Packer 1.2.5. One rule is wider: a
//! folder among several paths brings its content, where Packer sent an empty folder. One rule is stricter: an
//! empty selection is an error, where Packer took a selection by globs and git that left nothing for "no globs".
//!
//! `entries` collects the names that the `filter` admits; `archive` writes them as a tar, which `gzip`
//! compresses on all cores, each block by `deflate`, and `spool` keeps; `fingerprint` detects files that change meanwhile. `vagrant_box`
//! checks whether the file to send is a Vagrant box.

mod archive;
mod common_folder;
mod deflate;
mod entries;
mod filter;
mod fingerprint;
mod git;
mod gzip;
mod options;
mod payload;
mod spool;
mod vagrant_box;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;

use crate::base::digest::{Algorithm, HashingWriter};
use crate::base::error::Cause;
use crate::base::reporter::{Event, Reporter};
use archive::Archive;
use common_folder::CommonFolder;
pub use deflate::COMPRESSORS;
use entries::Entries;
use filter::Filter;
pub use options::{Level, Options};
pub use payload::Payload;
use payload::{Content, LocalFile};
use spool::Spool;
pub use vagrant_box::{BoxMetadata, check_box};

/// Checks, before anything is sent, that each path is a file or a folder and that the options fit the paths.
///
/// # Errors
/// [`Cause::File`] for the first path that does not exist; [`Cause::Unpackable`] for a path that is neither file
/// nor folder, and for several paths without a common folder; [`Cause::Usage`] for malformed globs, and for
/// options that fit only a folder.
pub fn check(paths: &[PathBuf], options: &Options) -> Result<(), Cause> {
    for path in paths {
        entries::kind(path)?;
    }
    let distinct = distinct(paths);
    options.fit(&distinct)?;
    Filter::globs(options)?;
    if distinct.len() > 1 {
        shared(&distinct)?;
    }
    Ok(())
}

/// Packs and hashes the paths, and returns the payload; `None` without paths. This blocks, perhaps for long. A
/// large archive is kept in an unlinked file in the system's temporary folder (`TMPDIR`), a small one in memory;
/// an archive without compression is made while it is sent.
///
/// # Errors
/// [`Cause::File`] names the unreadable file, or the temporary folder; [`Cause::Unpackable`] says why the files
/// cannot become one archive.
pub fn pack(
    paths: &[PathBuf],
    options: &Options,
    reporter: &dyn Reporter,
) -> Result<Option<Payload>, Cause> {
    let archive = match packable(paths, options)? {
        Packable::Nothing => return Ok(None),
        Packable::Gzip(file, path) => {
            let given = LocalFile::new(file, &path).map_err(|error| Cause::file(&path, error))?;
            return passed_through(given, options).map(Some);
        }
        Packable::Tar(path) => Archive::File(path),
        Packable::Files(entries) => Archive::new(entries, options.reproducible),
    };
    let packed = if options.level == Level::STORED {
        stored(archive, options)
    } else {
        compressed(&archive, options, reporter)
    };
    packed.map(Some)
}

/// Returns the payload of a file that is sent as it is, whatever it contains, with its digest by an algorithm. This
/// blocks: it reads the whole file.
///
/// # Errors
/// [`Cause::File`] for a path that cannot be read; [`Cause::Unpackable`] for one that is not a file.
pub fn unchanged(path: &Path, algorithm: Algorithm) -> Result<Payload, Cause> {
    if !entries::kind(path)?.is_file() {
        let path = path.display();
        return Err(Cause::Unpackable(format!("{path}: is not a file")));
    }
    let failed = |error| Cause::file(path, error);
    let file = File::open(path).map_err(failed)?;
    let given = LocalFile::new(file, path).map_err(failed)?;
    let length = given.length();
    let payload = Payload::new(Content::LocalFile(given), length, None);
    payload.hashed(algorithm).map_err(failed)
}

/// Returns the default id of an artifact of these paths: the file name of the only path, or the name of the
/// common folder. `None` without paths, and for folders without a name.
pub fn default_id(paths: &[PathBuf]) -> Option<String> {
    let named = root(paths).ok()?;
    let own = named.file_name().map(OsStr::to_owned);
    // The paths `.` and `..` have no name until they are resolved.
    let name = own.or_else(|| Some(named.canonicalize().ok()?.file_name()?.to_owned()))?;
    Some(name.to_string_lossy().into_owned())
}

fn distinct(paths: &[PathBuf]) -> Vec<&Path> {
    let mut seen = BTreeSet::new();
    let paths = paths.iter().map(PathBuf::as_path);
    paths.filter(|path| seen.insert(*path)).collect()
}

/// Returns the only path, or the common folder of several.
fn root(paths: &[PathBuf]) -> Result<PathBuf, Cause> {
    match distinct(paths)[..] {
        [] => Ok(PathBuf::new()),
        [path] => Ok(path.to_owned()),
        ref several => Ok(shared(several)?.folder()),
    }
}

fn shared<'a>(paths: &[&'a Path]) -> Result<CommonFolder<'a>, Cause> {
    let shared = CommonFolder::of(paths).map_err(|error| Cause::file(Path::new("."), error))?;
    shared.ok_or_else(|| {
        let names: Vec<_> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let names = names.join(" ");
        Cause::Unpackable(format!("No common prefix for archiving files: [{names}]"))
    })
}

/// The way in which paths are sent.
enum Packable {
    /// The version gets no file.
    Nothing,
    /// The only path is a gzip file, which is sent unchanged.
    Gzip(File, PathBuf),
    /// The only path is a tar, which is compressed without being packed into another tar.
    Tar(PathBuf),
    /// The paths are packed into a tar.
    Files(Entries),
}

fn packable(paths: &[PathBuf], options: &Options) -> Result<Packable, Cause> {
    match distinct(paths)[..] {
        [] => Ok(Packable::Nothing),
        [path] => one(path, options),
        ref several => Entries::below(&shared(several)?).map(Packable::Files),
    }
}

fn one(path: &Path, options: &Options) -> Result<Packable, Cause> {
    // As in the original, an entry has the name of the file, not of the link to it.
    let target = path
        .canonicalize()
        .map_err(|error| Cause::file(path, error))?;
    if target.is_dir() {
        let filter = Filter::of(&target, options)?;
        return Entries::of_folder(&target, &filter).map(Packable::Files);
    }
    entries::kind(&target)?;
    let failed = |error| Cause::file(path, error);
    let file = File::open(&target).map_err(failed)?;
    if is_gzip(&file).map_err(failed)? {
        return Ok(Packable::Gzip(file, path.to_owned()));
    }
    if options.keep_tar && vagrant_box::is_tar(&file).map_err(failed)? {
        return Ok(Packable::Tar(path.to_owned()));
    }
    Entries::of_file(&target).map(Packable::Files)
}

/// Returns whether a file starts with a complete and valid gzip header: the two magic bytes alone may be chance.
fn is_gzip(mut file: &File) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    Ok(GzDecoder::new(BufReader::new(file)).header().is_some())
}

fn passed_through(given: LocalFile, options: &Options) -> Result<Payload, Cause> {
    let length = given.length();
    let payload = Payload::new(Content::LocalFile(given), length, None);
    hashed_if_wanted(payload, options)
}

fn stored(archive: Archive, options: &Options) -> Result<Payload, Cause> {
    let length = gzip::stored_length(archive.length()?);
    let payload = Payload::new(Content::Stored(archive), length, None);
    hashed_if_wanted(payload, options)
}

fn hashed_if_wanted(payload: Payload, options: &Options) -> Result<Payload, Cause> {
    if options.digest {
        let hashed = payload.hashed(Algorithm::default());
        hashed.map_err(|error| Cause::Unpackable(error.to_string()))
    } else {
        Ok(payload)
    }
}

fn compressed(
    archive: &Archive,
    options: &Options,
    reporter: &dyn Reporter,
) -> Result<Payload, Cause> {
    let total = archive.length()?;
    let spool = HashingWriter::new(Algorithm::default(), Spool::new(gzip::stored_length(total)));
    let (out, filled) = gzip::compress(spool, options.level.number(), |tar| {
        archive.write(&mut ProgressWriter::new(tar, total, reporter))
    });
    // The error of the output comes first, since it made the input fail.
    let (spool, digest, length) = out.map_err(spool_failed)?.finish();
    filled?;
    let digest = options.digest.then_some(digest);
    Ok(Payload::new(spool.finish(), length, digest))
}

fn spool_failed(error: io::Error) -> Cause {
    let text = format!("writing the temporary archive: {error}");
    Cause::file(&std::env::temp_dir(), io::Error::new(error.kind(), text))
}

/// A writer that reports how much of the archive was written.
struct ProgressWriter<'a, W> {
    out: &'a mut W,
    packed: u64,
    told: u64,
    total: u64,
    reporter: &'a dyn Reporter,
}

impl<'a, W> ProgressWriter<'a, W> {
    /// The number of bytes between two reports, since a report of each write would be too much.
    const STEP: u64 = 1024 * 1024;

    fn new(out: &'a mut W, total: u64, reporter: &'a dyn Reporter) -> Self {
        Self {
            out,
            packed: 0,
            told: 0,
            total,
            reporter,
        }
    }
}

impl<W: Write> Write for ProgressWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.packed += taken as u64;
        if self.packed >= self.told + Self::STEP || self.packed == self.total {
            self.told = self.packed;
            let (packed, total) = (self.packed, Some(self.total));
            self.reporter.report(Event::Packing { packed, total });
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    #[test]
    fn gzip_is_known_by_a_valid_header_only() {
        let valid = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        let other_method = [0x1f, 0x8b, 7, 0, 0, 0, 0, 0, 0, 3];
        // Bit 1 announces a checksum of the header, and these bytes are not that checksum.
        let wrong_checksum = [0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 3, 1, 2];
        for (bytes, gzip) in [
            (&valid[..], true),
            (&valid[..9], false),
            (&[0x1f, 0x8b], false),
            (&other_method, false),
            (&wrong_checksum, false),
            (b"", false),
            (b"plain text, long enough", false),
        ] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            assert_eq!(is_gzip(&file).unwrap(), gzip, "{bytes:?}");
        }
    }

    #[test]
    fn the_id_is_the_name_of_the_file_or_of_the_common_folder() {
        let folder = tempfile::tempdir().unwrap();
        let images = folder.path().join("images");
        fs::create_dir(&images).unwrap();
        assert_eq!(default_id(&[images.join("disk.img")]).unwrap(), "disk.img");
        assert_eq!(
            default_id(&[images.join("a"), images.join("b")]).unwrap(),
            "images"
        );
        assert_eq!(default_id(&[images.join("x/..")]), None);
        assert_eq!(default_id(&[images.join(".")]).unwrap(), "images");
        assert_eq!(default_id(&["/".into()]), None);
        assert_eq!(default_id(&[]), None);
    }
}
