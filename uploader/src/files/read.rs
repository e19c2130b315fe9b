//! Reads whole files, up to a size limit.

use std::fs::File;
use std::io;
use std::path::Path;

use atlas_common::read;

/// The size limit of a settings file, in bytes: enough for a manifest of many thousand builds.
pub(crate) const MAX_SETTINGS: u64 = 64 * 1024 * 1024;

/// Reads a whole settings file: a template, a manifest, a certificate. The path may be a pipe, such as a
/// shell makes for process substitution. Blocks.
///
/// # Errors
/// The error does not name the path. A file of more than 64 MiB, or a device without end, is an error, too.
pub(crate) fn read_settings(path: &Path) -> io::Result<Vec<u8>> {
    read_at_most(&File::open(path)?, MAX_SETTINGS)
}

/// Returns the complaint about a settings file that begins with a byte order mark, which Packer does not
/// accept.
pub(crate) fn of_another_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => Some(
            "begins with a byte order mark (BOM), which Packer does not read either: save it as UTF-8 without one",
        ),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
            Some("is UTF-16, which Packer does not read either: save it as UTF-8")
        }
        _ => None,
    }
}

/// Reads the rest of a file.
///
/// # Errors
/// Fails also if more than `limit` bytes remain.
pub(crate) fn read_at_most(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    read::read_at_most(file, limit)?.ok_or_else(|| {
        let reason = format!("is longer than the {limit} bytes that are read of such a file");
        io::Error::new(io::ErrorKind::FileTooLarge, reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit_and_not_a_byte_further() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        let read = |limit| read_at_most(&File::open(&path).unwrap(), limit);
        assert_eq!(read(5).unwrap(), b"12345");
        let error = read(4).unwrap_err().to_string();
        assert!(error.contains("longer than the 4 bytes"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_without_end_is_not_read_without_end() {
        let error = read_settings(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
