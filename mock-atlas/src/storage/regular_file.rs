//! Reads regular files with a limit on their size, and refuses other kinds of files without
//! blocking on them.

use std::fs::{File, FileType, OpenOptions, metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use atlas_common::read;
use rustix::fs::OFlags;

/// Opens a regular file for reading. Refuses a FIFO, a device, a socket or a folder without
/// blocking.
///
/// # Errors
/// When the file does not exist, is not a regular file, or cannot be opened.
pub fn open_regular_file(path: &Path) -> io::Result<File> {
    // The check comes first, since opening a device can have side effects.
    check(metadata(path)?.file_type())?;
    // The file may have been replaced after the check: `NONBLOCK` avoids blocking on a FIFO, and
    // the second check looks at the opened file.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// The errors of [`open_regular_file`], and when the file is larger.
pub fn read_regular_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open_regular_file(path)?;
    // A file whose reported length is larger is not read at all. The limit on reading covers files
    // that grow meanwhile.
    if file.metadata()?.len() <= most
        && let Some(bytes) = read::read_at_most(file, most)?
    {
        return Ok(bytes);
    }
    let message = format!("it is larger than the {most} bytes that are read of such a file");
    Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
}

/// Reads a regular text file of at most `most` bytes.
///
/// # Errors
/// The errors of [`read_regular_file`], and when the text is not UTF-8.
pub fn read_regular_text(path: &Path, most: u64) -> io::Result<String> {
    read::into_text(read_regular_file(path, most)?)
}

fn check(found: FileType) -> io::Result<()> {
    let kind = match found {
        plain if plain.is_file() => return Ok(()),
        folder if folder.is_dir() => "a folder",
        fifo if fifo.is_fifo() => "a FIFO",
        socket if socket.is_socket() => "a socket",
        _ => "a device",
    };
    let message = format!("it is {kind}, and only a plain file is read");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn what_is_no_plain_file_is_refused_by_its_kind_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (fifo, socket) = (folder.path().join("fifo"), folder.path().join("socket"));
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _listener = UnixListener::bind(&socket).unwrap();
        let device = Path::new("/dev/zero");
        for (path, kind) in [
            (folder.path(), "a folder"),
            (&fifo, "a FIFO"),
            (&socket, "a socket"),
            (device, "a device"),
        ] {
            let error = open_regular_file(path).unwrap_err();
            let expected = format!("it is {kind}, and only a plain file is read");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_file_is_read_up_to_the_limit_whatever_length_it_is_said_to_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_regular_file(&path, 5).unwrap(), b"12345");
        let error = read_regular_file(&path, 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        // A file of the kernel, which reports a length of 0.
        let error = read_regular_file(Path::new("/proc/self/status"), 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
