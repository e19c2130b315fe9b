//! Keeps an archive until it is sent: a small one in memory, a larger one in an unlinked temporary file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::payload::Content;
use crate::files::space::available;

/// The maximum number of bytes in memory.
const IN_MEMORY: usize = 8 * 1024 * 1024;

/// A writer that keeps at most `limit` bytes in memory. Before it spills to a file, it checks that the folder
/// has `need` free bytes.
pub(super) struct Spool {
    folder: PathBuf,
    need: u64,
    limit: usize,
    memory: Vec<u8>,
    file: Option<File>,
}

impl Spool {
    /// Creates a spool in the system's temporary folder (`TMPDIR`).
    pub(super) fn new(need: u64) -> Self {
        Self::within(std::env::temp_dir(), need, IN_MEMORY)
    }

    fn within(folder: PathBuf, need: u64, limit: usize) -> Self {
        Self {
            folder,
            need,
            limit,
            memory: Vec::new(),
            file: None,
        }
    }

    /// Returns the written bytes.
    pub(super) fn finish(self) -> Content {
        match self.file {
            Some(file) => Content::Spooled(file),
            None => Content::Memory(self.memory.into()),
        }
    }

    fn spill(&mut self) -> io::Result<&mut File> {
        enough(&self.folder, self.need)?;
        let mut file = tempfile::tempfile_in(&self.folder)?;
        file.write_all(&std::mem::take(&mut self.memory))?;
        Ok(self.file.insert(file))
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(file) = &mut self.file {
            return file.write(bytes);
        }
        if self.memory.len() + bytes.len() <= self.limit {
            self.memory.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        self.spill()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn enough(folder: &Path, need: u64) -> io::Result<()> {
    let have = available(folder)?;
    if have >= need {
        return Ok(());
    }
    let reason = format!(
        "the archive may need {need} bytes, and {have} are free; set TMPDIR to a folder with more space, or use compression level 0, which needs no temporary file"
    );
    Err(io::Error::new(io::ErrorKind::StorageFull, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::pack::Payload;

    #[test]
    fn what_fits_the_limit_stays_in_memory_and_a_byte_more_does_not() {
        let folder = tempfile::tempdir().unwrap();
        for (length, in_memory) in [(0, true), (10, true), (11, false), (25, false)] {
            let mut spool = Spool::within(folder.path().to_owned(), 25, 10);
            let bytes: Vec<u8> = (0..length).collect();
            for piece in bytes.chunks(4) {
                spool.write_all(piece).unwrap();
            }
            let content = spool.finish();
            assert_eq!(matches!(content, Content::Memory(_)), in_memory, "{length}");
            let mut kept = Vec::new();
            Payload::new(content, length.into(), None)
                .for_each_chunk(&mut |chunk| kept.write_all(&chunk))
                .unwrap();
            assert_eq!(kept, bytes);
        }
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 0, "the file has no name");
    }

    #[cfg(unix)]
    #[test]
    fn without_room_the_error_says_what_is_needed_and_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::within(folder.path().to_owned(), u64::MAX, 10);
        spool.write_all(&[0; 10]).unwrap();
        let refused = spool.write_all(&[0]).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
        let text = refused.to_string();
        let start = format!("the archive may need {} bytes, and ", u64::MAX);
        assert!(text.starts_with(&start), "{text}");
        assert!(text.contains(" are free; set TMPDIR"), "{text}");
    }
}
