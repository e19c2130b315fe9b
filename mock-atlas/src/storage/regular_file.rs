//! Reads regular files: with a limit, and without waiting for anybody to write one.

use std::fs::{File, FileType, OpenOptions, metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use atlas_common::read;
use rustix::fs::OFlags;

/// Opens a plain file for reading. A FIFO, a device, a socket or a folder is neither waited for nor read.
///
/// # Errors
/// When it is not there, is no plain file, or cannot be opened.
pub fn open_regular_file(path: &Path) -> io::Result<File> {
    // Opening alone may do something to a device.
    check(metadata(path)?.file_type())?;
    // Another may stand there by now: it is not waited for, and looked at once more.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// Reads a plain file that has at most so many bytes.
///
/// # Errors
/// Those of [`open_regular_file`], and when it is larger.
pub fn read_regular_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open_regular_file(path)?;
    // One that says that it is larger is not read at all; another may grow meanwhile.
    if file.metadata()?.len() <= most
        && let Some(bytes) = read::read_at_most(file, most)?
    {
        return Ok(bytes);
    }
    let message = format!("it is larger than the {most} bytes that are read of such a file");
    Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
}

/// Reads a plain file of text that has at most so many bytes.
///
/// # Errors
/// Those of [`read_regular_file`], and when it is no UTF-8.
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
        // A file of the kernel's, which says that it is empty.
        let error = read_regular_file(Path::new("/proc/self/status"), 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
