//! Keeps a document in a file that a process locks while it uses it, so that two processes cannot carry on the same
//! work. Every change writes a complete new file, which is renamed into place: a reader finds the old document or the
//! new one, never a part.
//!
//! The file itself is locked, since a separate lock file would have to be removed by its last user; every file that
//! replaces it is locked before anyone can open it. Only its owner may read it.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use tempfile::NamedTempFile;

use super::{read, temporary};

/// The prefix of temporary files: receipts, and packed files beside them, that have not been renamed yet.
pub(crate) const TEMPORARY: &str = ".atlas-upload-";

/// Creates the file at a free path, or in place of one whose content `is_done`. Returns the open file, which stays
/// locked while it is open.
///
/// # Errors
/// Fails for a file that cannot be written, whose work is not done, or that is in use.
pub(crate) fn create(
    path: &Path,
    document: &impl Serialize,
    is_done: impl FnOnce(&[u8]) -> io::Result<bool>,
) -> io::Result<File> {
    let earlier = match open(path) {
        Ok((text, held)) if is_done(&text)? => held,
        Ok(_) => {
            let reason =
                "holds an unfinished push; finish that push with --resume, or remove the file";
            return Err(io::Error::other(reason));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Another process may be creating the file at the same time.
            return Ok(written_beside(path, document)?.persist_noclobber(path)?);
        }
        Err(error) => return Err(error),
    };
    let file = replace(path, document)?;
    drop(earlier);
    Ok(file)
}

/// Replaces the file in one step, and returns the new one, which is locked.
pub(crate) fn replace(path: &Path, document: &impl Serialize) -> io::Result<File> {
    Ok(written_beside(path, document)?.persist(path)?)
}

/// Writes a locked temporary file, to be renamed to `path`.
pub(crate) fn written_beside(path: &Path, document: &impl Serialize) -> io::Result<NamedTempFile> {
    let mut text = serde_json::to_vec_pretty(document)?;
    text.push(b'\n');
    let folder = temporary::parent(path);
    // Temporary files are readable only by their owner from their creation.
    let mut file = temporary::file(folder, &mut temporary::builder(TEMPORARY))?;
    file.write_all(&text)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Opens, locks and reads a file.
pub(crate) fn open(path: &Path) -> io::Result<(Vec<u8>, File)> {
    loop {
        let file = File::open(path)?;
        if !temporary::lock(&file) {
            let reason = "another push is using this receipt; wait until it ends";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, reason));
        }
        // Another process may have replaced the file before it was locked.
        if temporary::is_at(&file, path)? {
            let text = read::read_at_most(&file, read::MAX_SETTINGS)?;
            return Ok((text, file));
        }
    }
}

/// Parses a document.
///
/// # Errors
/// Fails for another text; only the position is quoted, since serde's message could repeat an upload URL.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(text: &[u8]) -> io::Result<T> {
    serde_json::from_slice(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let reason = format!("is not a receipt of a push (line {line}, column {column})");
        io::Error::new(io::ErrorKind::InvalidData, reason)
    })
}

/// Removes temporary files that killed runs left beside a file: some contain upload addresses. This blocks.
pub(crate) fn clear_away(path: &Path) {
    temporary::remove_abandoned(temporary::parent(path), TEMPORARY);
}
