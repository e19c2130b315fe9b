//! Checks whether Vagrant could use the file of a push as a box: an archive with a file `metadata.json` at its
//! top.
//!
//! Evidence: `lib/vagrant/box_collection.rb` of Vagrant 2.3.4, which lets `bsdtar` unpack a box and then reads
//! that file, whatever else the box contains.

mod metadata;
mod tar_scan;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::entries::{self, Entries};
use super::options::Options;
use super::{Packable, packable, root};
use crate::base::error::Cause;
use crate::files::read;
pub use metadata::BoxMetadata;
pub(super) use tar_scan::is_tar;
use tar_scan::{LONGEST_METADATA, METADATA, Plain, ScanResult, find_metadata, shown, unpacked};

/// The error for an empty `metadata.json`, which Vagrant could not parse as JSON.
const EMPTY: &str = "its metadata.json is empty";

/// Checks whether Vagrant could use the file that would be sent for these paths, and returns what the box says of
/// itself; `None` without paths. This blocks: it unpacks a gzip-compressed box as far as its `metadata.json`, and reads
/// all headers of a plain tar.
///
/// # Errors
/// [`Cause::Unpackable`] says why Vagrant could not; [`Cause::File`] names a file that cannot be read.
pub fn check_box(paths: &[PathBuf], options: &Options) -> Result<Option<BoxMetadata>, Cause> {
    let keeps = Options {
        keep_tar: true,
        ..options.clone()
    };
    let (path, found) = match packable(paths, &keeps)? {
        Packable::Nothing => return Ok(None),
        Packable::Files(entries) => {
            let metadata = of_files(paths, &entries).map_err(with_advice)?;
            return Ok(Some(metadata));
        }
        Packable::Tar(path) => {
            let found = File::open(&path).and_then(|file| find_metadata(&file, Plain::of));
            (path, found)
        }
        Packable::Gzip(file, path) => (path, find_metadata(&file, unpacked)),
    };
    let content = content(&path, found).map_err(with_advice)?;
    // Vagrant parses the content only when it adds the box.
    Ok(Some(BoxMetadata::parse(&content).unwrap_or_default()))
}

/// Adds how Packer makes a box.
fn with_advice(cause: Cause) -> Cause {
    match cause {
        Cause::Unpackable(reason) => Cause::Unpackable(format!(
            "{reason}; Packer's vagrant post-processor makes one, if atlas follows it in a sequence"
        )),
        cause => cause,
    }
}

/// Returns the content of the `metadata.json` that was found.
///
/// # Errors
/// [`Cause::Unpackable`] if there is none that Vagrant could read.
fn content(path: &Path, found: io::Result<ScanResult>) -> Result<Vec<u8>, Cause> {
    match found {
        Ok(ScanResult::File(content)) => Ok(content),
        Ok(ScanResult::Elsewhere(name)) => Err(refused(
            path,
            &format!("{METADATA} is not at its top, but at {name:?}"),
        )),
        Ok(ScanResult::Missing) => Err(refused(path, &format!("it has no {METADATA} at its top"))),
        Ok(ScanResult::EmptyFile) => Err(refused(path, EMPTY)),
        Ok(ScanResult::OtherKind) => Err(refused(path, &format!("its {METADATA} is not a file"))),
        Ok(ScanResult::Link(target)) => {
            let target = shown(&target);
            Err(refused(
                path,
                &format!("its {METADATA} is a link to {target:?}, which the box does not hold"),
            ))
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(refused(path, &error.to_string()))
        }
        Err(error) => Err(Cause::file(path, error)),
    }
}

fn refused(path: &Path, reason: &str) -> Cause {
    let path = path.display();
    Cause::Unpackable(format!("{path}: is not a Vagrant box: {reason}"))
}

/// Checks the names of files that become an archive when they are sent.
fn of_files(paths: &[PathBuf], entries: &Entries) -> Result<BoxMetadata, Cause> {
    let mut names = entries.iter();
    if let Some((_, place)) = names.find(|(name, _)| *name == Path::new(METADATA)) {
        let found = entries::kind(&place)?;
        return match (found.is_file(), found.len()) {
            (true, 1..) => Ok(of_place(&place)),
            (true, 0) => Err(refused(&root(paths)?, EMPTY)),
            (false, _) => Err(refused(
                &root(paths)?,
                &format!("its {METADATA} is not a file"),
            )),
        };
    }
    let reason = match paths {
        [path] if path.is_file() => {
            "it is neither a tar nor a gzip-compressed tar, and would be packed into another archive"
                .to_owned()
        },
        _ => format!("there is no {METADATA} at the top of what would be packed"),
    };
    Err(refused(&root(paths)?, &reason))
}

/// Reads the `metadata.json` that would be packed; what cannot be read says nothing.
fn of_place(place: &Path) -> BoxMetadata {
    let content = File::open(place).and_then(|file| read::read_at_most(&file, LONGEST_METADATA));
    let metadata = content
        .ok()
        .and_then(|content| BoxMetadata::parse(&content).ok());
    metadata.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tar::{Builder, EntryType, Header};

    use EntryType::{Directory, Fifo, Link, Regular, Symlink};

    /// Makes a tar of entries, each with a name and its content or link target.
    fn tar(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
        let mut tar = Builder::new(Vec::new());
        for (kind, name, what) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(0);
            if matches!(kind, Link | Symlink) {
                tar.append_link(&mut header, name, what).unwrap();
            } else {
                header.set_size(what.len() as u64);
                tar.append_data(&mut header, name, what.as_bytes()).unwrap();
            }
        }
        tar.into_inner().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn checked(content: &[u8]) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.box");
        std::fs::write(&path, content).unwrap();
        let checked = check_box(&[path], &Options::default());
        checked.map(drop).map_err(|cause| cause.to_string())
    }

    #[test]
    fn metadata_is_a_file_with_some_content_or_a_link_that_leads_to_one() {
        let long = "a-long-name/".repeat(20) + "m.json";
        for (entries, reason) in [
            (&[(Regular, METADATA, "")][..], "its metadata.json is empty"),
            (&[(Fifo, METADATA, "")], "its metadata.json is not a file"),
            (
                &[(Symlink, METADATA, "gone")],
                "its metadata.json is a link to \"gone\", which the box does not hold",
            ),
            (
                &[(Symlink, METADATA, METADATA)],
                "its metadata.json is a link to",
            ),
            (&[(Symlink, METADATA, "e"), (Regular, "e", "")], "is empty"),
            (
                &[(Symlink, METADATA, "d"), (Directory, "d", "")],
                "link to \"d\"",
            ),
            (&[(Symlink, METADATA, "d/m"), (Regular, "d/m", "{}")], ""),
            (&[(Regular, "m", "{}"), (Link, "./metadata.json", "m")], ""),
            (&[(Symlink, METADATA, &long), (Regular, &long, "{}")], ""),
            (
                &[
                    (Symlink, METADATA, "d/m"),
                    (Symlink, "d/m", "n"),
                    (Regular, "d/n", "{}"),
                ],
                "",
            ),
        ] {
            let tar = tar(entries);
            for content in [gzip(&tar), tar] {
                match checked(&content) {
                    Ok(()) => assert_eq!(reason, "", "{entries:?}"),
                    Err(error) => assert!(
                        !reason.is_empty() && error.contains(reason),
                        "{entries:?}: {error}"
                    ),
                }
            }
        }
    }

    #[test]
    fn a_tar_that_is_cut_off_behind_its_metadata_is_refused() {
        let disk = "disk".repeat(1000);
        let whole = tar(&[(Regular, METADATA, "{}"), (Regular, "box.img", &disk)]);
        checked(&whole).unwrap();
        for length in [1600, 1536 + 2048, 1536 + 4090] {
            let refused = checked(&whole[..length]).unwrap_err();
            assert!(
                refused.contains("its tar is cut off"),
                "{length}: {refused}"
            );
        }
    }

    #[test]
    fn what_is_packed_has_a_file_with_some_content_too() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join(METADATA);
        let check = || check_box(&[folder.path().to_owned()], &Options::default());
        std::fs::create_dir(&place).unwrap();
        let refused = check().unwrap_err().to_string();
        assert!(
            refused.contains("its metadata.json is not a file"),
            "{refused}"
        );
        std::fs::remove_dir(&place).unwrap();
        std::fs::write(&place, "").unwrap();
        let refused = check().unwrap_err().to_string();
        assert!(refused.contains("its metadata.json is empty"), "{refused}");
        std::fs::write(&place, "{}").unwrap();
        check().unwrap();
    }

    #[test]
    fn a_damaged_gzip_is_told_as_one() {
        let whole = gzip(&tar(&[(Regular, "box.img", &"disk".repeat(1000))]));
        let refused = checked(&whole[..whole.len() / 2]).unwrap_err();
        let reason = "its gzip is damaged, or cut off";
        assert!(refused.contains(reason), "{refused}");
    }
}
