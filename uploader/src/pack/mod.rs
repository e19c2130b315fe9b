//! Turns local paths into the one file that is uploaded, by the rules of Packer's post-processor:
//! no path, no file; a gzip file passes as it is; anything else becomes a gzip-compressed tar, of a
//! folder's content, or of several files below their common folder.
//!
//! Evidence: the contract's section on versions, and the recorded requests of Packer 1.2.5. One rule
//! is wider: a folder among several paths brings its content, where Packer sent an empty folder.

mod archive;
mod common;
mod entries;
mod payload;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;

use crate::digest::HashingWriter;
use crate::error::Cause;
pub use payload::Payload;

/// Looks whether each path is a file or a folder, before anything is sent.
///
/// # Errors
/// [`Cause::File`] for the first that is not there; [`Cause::Unpackable`] for one that is neither
/// file nor folder, and for several without a common folder.
pub fn check(paths: &[PathBuf]) -> Result<(), Cause> {
    for path in paths {
        entries::kind(path)?;
    }
    root(paths).map(|_| ())
}

/// Packs, hashes, and returns what to upload; `None` for no paths. Blocks, perhaps for long; the
/// archive is an unlinked file in the system's temporary folder (`TMPDIR`).
///
/// # Errors
/// [`Cause::File`] names the file that could not be read, or the temporary archive;
/// [`Cause::Unpackable`] says why files cannot become one archive.
pub fn pack(paths: &[PathBuf]) -> Result<Option<Payload>, Cause> {
    match distinct(paths)[..] {
        [] => Ok(None),
        [path] => pack_one(path).map(Some),
        ref several => {
            let root = root(paths)?;
            archive::write(&entries::below(&root, several)?).map(Some)
        }
    }
}

/// What an artifact of these paths is called when nobody says: the file name of the only path, or
/// the name of the common folder. `None` for no paths, and for folders without a name.
pub fn default_id(paths: &[PathBuf]) -> Option<String> {
    let named = match distinct(paths)[..] {
        [] => return None,
        [path] => path.to_owned(),
        _ => root(paths).ok()?,
    };
    let own = named.file_name().map(OsStr::to_owned);
    // `.` and `..` have a name only once they are resolved.
    let name = own.or_else(|| Some(named.canonicalize().ok()?.file_name()?.to_owned()))?;
    Some(name.to_string_lossy().into_owned())
}

fn distinct(paths: &[PathBuf]) -> Vec<&Path> {
    let distinct: BTreeSet<&Path> = paths.iter().map(PathBuf::as_path).collect();
    distinct.into_iter().collect()
}

fn root(paths: &[PathBuf]) -> Result<PathBuf, Cause> {
    match distinct(paths)[..] {
        [] => Ok(PathBuf::new()),
        [path] => Ok(path.to_owned()),
        ref several => common::directory(several).ok_or_else(|| {
            let names: Vec<_> = paths
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            let names = names.join(" ");
            Cause::Unpackable(format!("No common prefix for archiving files: [{names}]"))
        }),
    }
}

fn pack_one(path: &Path) -> Result<Payload, Cause> {
    // As the original does: an entry bears the name of the file, not of the link that leads there.
    let target = path
        .canonicalize()
        .map_err(|error| Cause::file(path, error))?;
    if target.is_dir() {
        return archive::write(&entries::of_folder(&target)?);
    }
    entries::kind(&target)?;
    let file = File::open(&target).map_err(|error| Cause::file(path, error))?;
    if is_gzip(&file).map_err(|error| Cause::file(path, error))? {
        return passed_through(file).map_err(|error| Cause::file(path, error));
    }
    let folder = target.parent().unwrap_or(Path::new("/"));
    archive::write(&entries::below(folder, &[&target])?)
}

/// Whether a file starts with a whole and valid gzip header: two magic bytes alone may be chance.
fn is_gzip(file: &File) -> io::Result<bool> {
    let start = BufReader::new(payload::from_start(file)?);
    Ok(GzDecoder::new(start).header().is_some())
}

fn passed_through(file: File) -> io::Result<Payload> {
    let mut hashing = HashingWriter::new(io::sink());
    io::copy(&mut payload::from_start(&file)?, &mut hashing)?;
    let (_, digest, length) = hashing.finish();
    Ok(Payload::new(file, length, digest))
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
        // Bit 1 announces a checksum of the header, and this is not it.
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
