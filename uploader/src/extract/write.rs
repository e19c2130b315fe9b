//! Writes what an archive holds to the disk. A block of zeros becomes a hole, which takes no room, and
//! the modes are those that the umask leaves.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tar::Entry;

/// What file systems give room for in one piece, as a rule, in bytes.
const BLOCK: usize = 4096;
/// How much is read at a time, in bytes.
const PIECE: usize = 16 * BLOCK;

/// Trouble is either with the archive or with the disk.
#[derive(Debug)]
pub(super) enum Trouble {
    Archive(io::Error),
    Disk(io::Error),
}

/// Writes the file of an entry to a place where nothing is.
pub(super) fn file(entry: &mut Entry<'_, impl Read>, place: &Path) -> Result<(), Trouble> {
    let mode = entry.header().mode().map_err(Trouble::Archive)?;
    let mut file = create(place, mode).map_err(Trouble::Disk)?;
    let modified = entry.header().mtime().ok().map(Duration::from_secs);
    let modified = modified.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
    let size = entry.size();
    if copy(entry, &mut file)? != size {
        let cut_off = "the file is longer than what is there of it";
        let error = io::Error::new(io::ErrorKind::UnexpectedEof, cut_off);
        return Err(Trouble::Archive(error));
    }
    // A hole at the end is not there before.
    file.set_len(size).map_err(Trouble::Disk)?;
    let Some(modified) = modified else {
        return Ok(());
    };
    let times = FileTimes::new()
        .set_accessed(modified)
        .set_modified(modified);
    file.set_times(times).map_err(Trouble::Disk)
}

/// Copies all but the blocks of zeros, and returns how many bytes there were.
fn copy(content: &mut impl Read, file: &mut File) -> Result<u64, Trouble> {
    let mut piece = Vec::with_capacity(PIECE);
    let mut done = 0;
    loop {
        piece.clear();
        let some = content.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        if some.map_err(Trouble::Archive)? == 0 {
            return Ok(done);
        }
        write_piece(&piece, done, file).map_err(Trouble::Disk)?;
        done += piece.len() as u64;
    }
}

fn write_piece(mut piece: &[u8], mut at: u64, file: &mut File) -> io::Result<()> {
    while !piece.is_empty() {
        let hole = run(piece, true);
        let data = run(&piece[hole..], false);
        if data > 0 {
            file.seek(SeekFrom::Start(at + hole as u64))?;
            file.write_all(&piece[hole..hole + data])?;
        }
        piece = &piece[hole + data..];
        at += (hole + data) as u64;
    }
    Ok(())
}

/// Returns the length of the blocks at the start that are all zeros, or are all not.
fn run(bytes: &[u8], zeros: bool) -> usize {
    let is_zero = |block: &[u8]| *block == [0; BLOCK][..block.len()];
    let blocks = bytes.chunks(BLOCK);
    blocks
        .take_while(|block| is_zero(block) == zeros)
        .map(<[u8]>::len)
        .sum()
}

/// Makes a folder, or finds it made, with no more than these permissions, but such that its owner can
/// enter and fill it, whatever the archive says.
pub(super) fn folder(place: &Path, mode: u32) -> io::Result<()> {
    fs::create_dir_all(place)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // What the umask has taken away is not given back.
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

/// Returns the permissions that are not given to what is made, as those of a new folder show.
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

    /// Content with holes at the start, within and at the end, and data that no block begins with.
    fn content(length: usize) -> Vec<u8> {
        let mut content = vec![0; length];
        content[3 * PIECE + 100..3 * PIECE + 200].fill(1);
        content[5 * PIECE - 10..5 * PIECE + 10].fill(2);
        content[5 * PIECE + BLOCK..6 * PIECE].fill(3);
        content
    }

    #[test]
    fn holes_are_kept_and_cost_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        for length in [32 * 1024 * 1024, 6 * PIECE + 1, 6 * PIECE, 7 * PIECE - 5] {
            let content = content(length);
            let place = folder.path().join(length.to_string());
            let mut file = create(&place, 0o644).unwrap();
            assert_eq!(copy(&mut &content[..], &mut file).unwrap(), length as u64);
            file.set_len(length as u64).unwrap();
            assert!(read(&length.to_string()) == content, "{length}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let blocks = |name: &str| fs::metadata(folder.path().join(name)).unwrap().blocks();
            // Not every disk knows holes.
            let hole = File::create(folder.path().join("hole")).unwrap();
            hole.set_len(32 * 1024 * 1024).unwrap();
            let room = blocks(&(32 * 1024 * 1024).to_string()) * 512;
            assert!(
                room <= blocks("hole") * 512 + 5 * PIECE as u64,
                "{room} bytes"
            );
        }
        let mut file = create(&folder.path().join("empty"), 0o644).unwrap();
        assert_eq!(copy(&mut io::empty(), &mut file).unwrap(), 0);
        assert_eq!(read("empty"), b"");
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
