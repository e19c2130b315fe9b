//! Reads the files of a seed.

use std::io::{self, Read};
use std::path::Path;

use super::{document, over_limit};
use crate::domain::Limits;
use crate::storage::{Blob, BlobWriter, Checksums, open_regular_file};

/// The folder that relative paths start from, and the limits on files.
#[derive(Clone, Copy)]
pub(crate) struct Folder<'a> {
    pub(super) path: &'a Path,
    pub(super) limits: Limits,
}

impl Folder<'_> {
    /// Reads a regular file that is within the limits.
    fn read(&self, path: &Path, checksums: Checksums) -> Result<Blob, String> {
        let path = self.path.join(path);
        let failed = |error: io::Error| format!("cannot read {}: {error}", path.display());
        let file = open_regular_file(&path).map_err(failed)?;
        let within = |bytes: u64| self.limits.check_file(bytes).map_err(over_limit);
        within(file.metadata().map_err(failed)?.len())?;
        // The file may grow meanwhile, so the limit applies to reading as well.
        let most = self
            .limits
            .file_bytes
            .map_or(u64::MAX, |bytes| bytes.saturating_add(1));
        let blob = Blob::read(file.take(most), checksums).map_err(failed)?;
        within(blob.len())?;
        Ok(blob)
    }
}

/// Returns the bytes of a file of a seed.
///
/// # Errors
/// When the file is on disk and cannot be read, or there is no folder for its path.
pub(super) fn bytes(
    file: &document::File,
    folder: Option<Folder<'_>>,
    checksums: Checksums,
) -> Result<Blob, String> {
    let blob = |bytes: &[u8]| {
        let mut writer = BlobWriter::new(checksums);
        writer.write(bytes);
        writer.finish()
    };
    match (file, folder) {
        (document::File::Text(text), _) => Ok(blob(text.as_bytes())),
        (document::File::Base64(bytes), _) => Ok(blob(&bytes.0)),
        (document::File::Path(path), Some(folder)) => folder.read(path, checksums),
        (document::File::Path(_), None) => Err(
            "the seed has no folder that a path could start from: give the file as text or base64"
                .into(),
        ),
    }
}
