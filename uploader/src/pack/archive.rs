//! The tar: the names of [`Entries`], each with the content of its file.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;

use tar::{Builder, EntryType, Header, HeaderMode};

use super::entries::{self, Entries};
use super::stamp::{Stamp, changed};
use crate::error::Cause;

/// A tar that can be written as often as it takes, and is not kept anywhere.
#[derive(Debug)]
pub(super) struct Archive {
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
        Self { entries, mode }
    }

    /// How long it is, without reading a file.
    pub(super) fn length(&self) -> Result<u64, Cause> {
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

    /// Writes all of it.
    pub(super) fn write(&self, out: &mut impl Write) -> Result<(), Cause> {
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
        let stamp = Stamp::of(metadata);
        // A file that grows meanwhile would shift all that follows it in the archive.
        let mut content = File::open(path)?.take(metadata.len());
        self.append(tar, name, metadata, &mut content)?;
        if content.limit() > 0 {
            return Err(changed());
        }
        stamp.check(path)
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
            // The slash at the end is in every archive the original made.
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

    /// Takes an archive, and changes a file once so much of it has come.
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

    /// How packing a folder of a large file ends that is changed in its middle.
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
