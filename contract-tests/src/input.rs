//! Reads files that the caller names, and refuses files that are too long.

use std::{fs::File, io, path::Path};

use atlas_common::read;

/// The longest file that is read, in bytes: far longer than any journal, report, list of artifacts or certificate
/// bundle.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Returns the bytes of a file.
///
/// # Errors
/// Fails when the file cannot be read, or is longer than 64 MiB.
pub(crate) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    read::read_at_most(File::open(path)?, MAX_FILE_BYTES)?.ok_or_else(|| {
        let mib = MAX_FILE_BYTES >> 20;
        let why = format!("the file is longer than {mib} MiB");
        io::Error::new(io::ErrorKind::FileTooLarge, why)
    })
}

/// Returns the text of a file.
///
/// # Errors
/// Fails as [`bytes`] does, or when the file is not UTF-8.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    read::into_text(bytes(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_or_no_text_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_FILE_BYTES).unwrap();
        assert!(text(file.path()).is_ok());
        file.as_file().set_len(MAX_FILE_BYTES + 1).unwrap();
        let refused = text(file.path()).unwrap_err().to_string();
        assert!(refused.contains("longer than 64 MiB"), "{refused}");
        std::fs::write(file.path(), [0xff]).unwrap();
        let refused = text(file.path()).unwrap_err().to_string();
        assert!(refused.contains("UTF-8"), "{refused}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_without_end_is_refused_too() {
        assert!(bytes(Path::new("/dev/zero")).is_err());
    }
}
