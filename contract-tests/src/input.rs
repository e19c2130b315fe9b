//! Reads files that the caller names, up to a length that no such file has.

use std::{fs::File, io, path::Path};

use atlas_common::read;

/// Far longer, in bytes, than a journal, a report, a list of artifacts or a bundle of certificates.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The bytes of a file.
///
/// # Errors
/// It cannot be read, or is longer than 64 MiB.
pub(crate) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    read::read_at_most(File::open(path)?, MAX_FILE_BYTES)?.ok_or_else(|| {
        let mib = MAX_FILE_BYTES >> 20;
        let why = format!("it is longer than {mib} MiB, so it is no such file");
        io::Error::new(io::ErrorKind::FileTooLarge, why)
    })
}

/// The text of a file.
///
/// # Errors
/// As [`bytes`], or it is not UTF-8.
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
