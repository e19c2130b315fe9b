//! Writes the entries of an archive to the disk. A block of zeros becomes a hole, which takes no space, and
//! the modes are limited by the umask.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tar::Entry;

/// The usual unit in which file systems allocate space, in bytes.
const BLOCK: usize = 4096;
/// The number of bytes that are read at a time.
const PIECE: usize = 16 * BLOCK;
/// The unit in which free space is checked, in bytes. When the disk is nearly full, up to this much is left
/// to others.
const GRANT: u64 = 64 * 1024 * 1024;

/// An error in reading the archive, or in writing to the disk.
#[derive(Debug)]
pub(super) enum WriteError {
    Archive(io::Error),
    Disk(io::Error),
}

/// A function that checks that the disk has space for a number of bytes.
type Room<'a> = &'a dyn Fn(u64) -> io::Result<()>;

/// Writes the file of an entry to a path that must not exist. The space that it needs is only known when its
/// holes are found.
pub(super) fn file(
    entry: &mut Entry<'_, impl Read>,
    place: &Path,
    room: Room<'_>,
) -> Result<(), WriteError> {
    let mode = entry.header().mode().map_err(WriteError::Archive)?;
    let modified = entry.header().mtime().ok().map(Duration::from_secs);
    let modified = modified.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
    let size = entry.size();
    let mut writing = Writing {
        file: create(place, mode).map_err(WriteError::Disk)?,
        size,
        done: 0,
        granted: 0,
        room,
    };
    writing.copy(entry)?;
    let file = writing.file;
    // A hole at the end is not written, so the length is set.
    file.set_len(size).map_err(WriteError::Disk)?;
    let Some(modified) = modified else {
        return Ok(());
    };
    let times = FileTimes::new()
        .set_accessed(modified)
        .set_modified(modified);
    file.set_times(times).map_err(WriteError::Disk)
}

/// A file that is being written.
struct Writing<'a> {
    file: File,
    size: u64,
    /// The number of bytes written, including holes.
    done: u64,
    /// The number of further bytes for which space was checked.
    granted: u64,
    room: Room<'a>,
}

impl Writing<'_> {
    /// Copies the content, except for blocks of zeros.
    fn copy(&mut self, content: &mut impl Read) -> Result<(), WriteError> {
        let mut piece = Vec::with_capacity(PIECE);
        while self.done < self.size {
            piece.clear();
            let some = content.by_ref().take(PIECE as u64).read_to_end(&mut piece);
            if some.map_err(WriteError::Archive)? == 0 {
                let reason = "the archive ends before the end of the file";
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, reason);
                return Err(WriteError::Archive(error));
            }
            self.write(&piece).map_err(WriteError::Disk)?;
        }
        Ok(())
    }

    fn write(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while !piece.is_empty() {
            let (hole, rest) = piece.split_at(run(piece, true));
            let (data, rest) = rest.split_at(run(rest, false));
            self.done += hole.len() as u64;
            if !data.is_empty() {
                self.need(data.len() as u64)?;
                self.file.seek(SeekFrom::Start(self.done))?;
                self.file.write_all(data)?;
                self.done += data.len() as u64;
            }
            piece = rest;
        }
        Ok(())
    }

    fn need(&mut self, data: u64) -> io::Result<()> {
        if self.granted < data {
            self.granted = GRANT.min(self.size - self.done);
            (self.room)(self.granted)?;
        }
        self.granted -= data;
        Ok(())
    }
}

/// Returns the length of the leading blocks that consist of zeros, or that do not, as `zeros` says.
fn run(bytes: &[u8], zeros: bool) -> usize {
    let is_zero = |block: &[u8]| *block == [0; BLOCK][..block.len()];
    let blocks = bytes.chunks(BLOCK);
    blocks
        .take_while(|block| is_zero(block) == zeros)
        .map(<[u8]>::len)
        .sum()
}

/// Makes a folder unless it exists, and limits its permissions to `mode`, but lets its owner enter and fill
/// it in any case.
pub(super) fn folder(place: &Path, mode: u32) -> io::Result<()> {
    fs::create_dir_all(place)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // Permissions that the umask has removed are not added again.
        let made = fs::metadata(place)?.permissions().mode();
        let fewer = made & (mode | !0o777 | 0o700);
        fs::set_permissions(place, fs::Permissions::from_mode(fewer))?;
    }
    #[cfg(not(unix))]
    let _ = mode;
    Ok(())
}

fn create(place: &Path, mode: u32) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode & 0o777);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(place)
}

/// Returns the umask, as the permissions of a new folder show it.
#[cfg(unix)]
pub(super) fn mask(new_folder: &Path) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(!fs::metadata(new_folder)?.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
pub(super) fn mask(_: &Path) -> io::Result<u32> {
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns content with holes at the start, within and at the end, and data that begins within a block.
    fn content(length: usize) -> Vec<u8> {
        let mut content = vec![0; length];
        content[3 * PIECE + 100..3 * PIECE + 200].fill(1);
        content[5 * PIECE - 10..5 * PIECE + 10].fill(2);
        content[5 * PIECE + BLOCK..6 * PIECE].fill(3);
        content
    }

    fn written(content: &[u8], place: &Path, room: Room<'_>) -> Result<(), WriteError> {
        let mut writing = Writing {
            file: create(place, 0o644).unwrap(),
            size: content.len() as u64,
            done: 0,
            granted: 0,
            room,
        };
        writing.copy(&mut &*content)?;
        writing.file.set_len(content.len() as u64).unwrap();
        Ok(())
    }

    #[test]
    fn holes_are_kept_and_cost_no_room() {
        const LARGE: usize = 32 * 1024 * 1024;
        let folder = tempfile::tempdir().unwrap();
        let place = |length: usize| folder.path().join(length.to_string());
        for length in [LARGE, 6 * PIECE + 1, 6 * PIECE, 7 * PIECE - 5] {
            let content = content(length);
            written(&content, &place(length), &|_| Ok(())).unwrap();
            assert!(fs::read(place(length)).unwrap() == content, "{length}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            // Not every file system supports holes.
            let hole = File::create(folder.path().join("hole")).unwrap();
            hole.set_len(LARGE as u64).unwrap();
            let hole = hole.metadata().unwrap().blocks() * 512;
            let room = fs::metadata(place(LARGE)).unwrap().blocks() * 512;
            assert!(room <= hole + 5 * PIECE as u64, "{room} bytes");
        }
    }

    #[test]
    fn room_is_asked_for_data_alone_and_before_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let full = |_| Err(io::ErrorKind::StorageFull.into());
        let place = |name: &str| folder.path().join(name);
        written(&[0; 20 * PIECE], &place("hole"), &full).unwrap();
        written(&[], &place("empty"), &full).unwrap();
        let refused = written(&content(20 * PIECE), &place("data"), &full).unwrap_err();
        assert!(matches!(refused, WriteError::Disk(_)), "{refused:?}");
        assert_eq!(fs::metadata(place("data")).unwrap().len(), 0);
        let asked = std::cell::RefCell::new(Vec::new());
        let room = |bytes| {
            asked.borrow_mut().push(bytes);
            Ok(())
        };
        written(&vec![1; GRANT as usize + 5], &place("long"), &room).unwrap();
        assert_eq!(asked.into_inner(), [GRANT, 5]);
    }

    #[test]
    fn what_is_there_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("file");
        fs::write(&place, "there").unwrap();
        let error = create(&place, 0o644).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }
}
