//! Writes the tar of an upload: either built from [`Entries`] and the contents of their files, or copied from a
//! tar file.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header, HeaderMode};

use super::entries::{self, Entries};
use super::fingerprint::{Fingerprint, changed};
use crate::base::error::Cause;

/// A tar that can be written any number of times and is never stored.
#[derive(Debug)]
pub(super) enum Archive {
    /// A tar that is built from files.
    Built(Built),
    /// A tar that exists as a file.
    File(PathBuf),
}

/// The files that a tar is built from, and the mode of their headers.
#[derive(Debug)]
pub(super) struct Built {
    entries: Entries,
    mode: HeaderMode,
}

impl Archive {
    pub(super) fn new(entries: Entries, reproducible: bool) -> Self {
        let mode = if reproducible {
            HeaderMode::Deterministic
        } else {
            HeaderMode::Complete
        };
        Self::Built(Built { entries, mode })
    }

    /// Returns the length of the tar without reading the contents of files.
    pub(super) fn length(&self) -> Result<u64, Cause> {
        match self {
            Self::Built(made) => made.length(),
            Self::File(path) => entries::kind(path).map(|metadata| metadata.len()),
        }
    }

    /// Writes the whole tar.
    pub(super) fn write(&self, out: &mut impl Write) -> Result<(), Cause> {
        match self {
            Self::Built(made) => made.write(out),
            Self::File(path) => copy(path, out).map_err(|error| Cause::file(path, error)),
        }
    }
}

/// Copies a file unchanged.
fn copy(path: &Path, out: &mut impl Write) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    let mut content = File::open(path)?.take(metadata.len());
    io::copy(&mut content, out)?;
    unchanged(path, &metadata, &content)
}

/// Checks that all of a file was read, and that the file has not changed.
fn unchanged(path: &Path, metadata: &Metadata, content: &io::Take<File>) -> io::Result<()> {
    if content.limit() > 0 {
        return Err(changed());
    }
    Fingerprint::of(metadata).check(path)
}

impl Built {
    fn length(&self) -> Result<u64, Cause> {
        let mut tar = Builder::new(Counter(0));
        let mut contents = 0;
        for (name, path) in self.entries.iter() {
            let metadata = entries::kind(&path)?;
            if metadata.is_file() {
                contents += metadata.len().next_multiple_of(512);
            }
            self.append(&mut tar, name, &metadata, io::empty())
                .map_err(|error| Cause::file(&path, error))?;
        }
        let headers = tar.into_inner().map_err(internal)?;
        Ok(headers.0 + contents)
    }

    fn write(&self, out: &mut impl Write) -> Result<(), Cause> {
        let mut tar = Builder::new(out);
        for (name, path) in self.entries.iter() {
            let metadata = entries::kind(&path)?;
            let written = if metadata.is_dir() {
                self.append(&mut tar, name, &metadata, io::empty())
            } else {
                self.append_file(&mut tar, name, &path, &metadata)
            };
            written.map_err(|error| Cause::file(&path, error))?;
        }
        tar.finish().map_err(internal)
    }

    fn append_file(
        &self,
        tar: &mut Builder<impl Write>,
        name: &Path,
        path: &Path,
        metadata: &Metadata,
    ) -> io::Result<()> {
        // A file that grows meanwhile would shift everything that follows it in the archive.
        let mut content = File::open(path)?.take(metadata.len());
        self.append(tar, name, metadata, &mut content)?;
        unchanged(path, metadata, &content)
    }

    fn append(
        &self,
        tar: &mut Builder<impl Write>,
        name: &Path,
        metadata: &Metadata,
        content: impl Read,
    ) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_metadata_in_mode(metadata, self.mode);
        if metadata.is_dir() {
            header.set_entry_type(EntryType::Directory);
            header.set_size(0);
            // Every archive of the original has this slash at the end of a folder's name.
            return tar.append_data(&mut header, name.join(""), content);
        }
        header.set_entry_type(EntryType::Regular);
        header.set_size(metadata.len());
        tar.append_data(&mut header, name, content)
    }
}

fn internal(error: io::Error) -> Cause {
    Cause::Internal(error.to_string())
}

struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A writer that discards an archive, and changes a file once `left` bytes have arrived.
    struct Changing<'a> {
        left: Option<usize>,
        change: &'a dyn Fn(),
    }

    impl Write for Changing<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.left = self.left.and_then(|left| left.checked_sub(bytes.len()));
            if self.left.is_none() {
                (self.change)();
                self.left = Some(usize::MAX);
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Packs a folder with a large file that changes halfway, and returns the result.
    fn packed(change: fn(&Path)) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.img");
        fs::write(&path, vec![7; 4 * 1024 * 1024]).unwrap();
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        let times = fs::FileTimes::new().set_modified(long_ago);
        let file = File::options().write(true).open(&path).unwrap();
        file.set_times(times).unwrap();
        let filter = super::super::Filter::default();
        let entries = Entries::of_folder(folder.path(), &filter).unwrap();
        let mut out = Changing {
            left: Some(1024 * 1024),
            change: &|| change(&path),
        };
        let written = Archive::new(entries, false).write(&mut out);
        written.map_err(|cause| cause.to_string())
    }

    fn open(path: &Path) -> File {
        File::options().write(true).open(path).unwrap()
    }

    #[test]
    fn a_file_that_changes_while_it_is_packed_is_told_by_name() {
        let changes: [fn(&Path); 4] = [
            |path| open(path).write_all(b"over").unwrap(),
            |path| open(path).set_len(5 * 1024 * 1024).unwrap(),
            |path| open(path).set_len(2 * 1024 * 1024).unwrap(),
            |path| {
                let other = path.with_extension("new");
                fs::write(&other, vec![7; 4 * 1024 * 1024]).unwrap();
                fs::rename(other, path).unwrap();
            },
        ];
        for change in changes {
            let error = packed(change).unwrap_err();
            assert!(error.contains("disk.img: changed while"), "{error}");
        }
        packed(|_| ()).unwrap();
    }
}
