//! The files of contents that are imported: they are in the store before the transaction that names them.

use std::mem::take;

use foldhash::{HashMap, HashMapExt};
use tokio::runtime::Handle;

use super::files::{FileRow, Files, NewFile};
use crate::storage::{BackendError, Blob};

/// The files that an import has kept, by the digests with which the artifacts name them. What no transaction
/// has made ready is removed when this ends, however it ends.
#[derive(Debug)]
pub(crate) struct KeptFiles {
    of: Files,
    kept: HashMap<String, NewFile>,
}

impl KeptFiles {
    pub(super) fn new(of: Files) -> Self {
        let kept = HashMap::new();
        Self { of, kept }
    }

    /// Returns whether a file of this digest is kept already.
    pub(crate) fn have(&self, digest: &str) -> bool {
        self.kept.contains_key(digest)
    }

    /// Keeps a file, which is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(crate) async fn keep(&mut self, digest: String, blob: &Blob) -> Result<(), BackendError> {
        let file = self.of.keep(blob).await?;
        self.kept.insert(digest, file);
        Ok(())
    }

    /// Adds a file that was kept elsewhere.
    pub(super) fn add(&mut self, file: NewFile) {
        self.kept.insert(file.row.facts.digest.to_string(), file);
    }

    /// Returns the rows of the files, by their own digests: the first format of snapshots names files by others.
    pub(super) fn rows(&self) -> HashMap<String, FileRow> {
        let files = self.kept.values();
        let rows = files.map(|file| (file.row.facts.digest.to_string(), file.row.clone()));
        rows.collect()
    }

    /// Returns the files as values, by the digests with which the artifacts name them.
    ///
    /// # Errors
    /// Never for files that were just kept.
    pub(super) fn blobs(&self) -> Result<HashMap<String, Blob>, BackendError> {
        let files = self.kept.iter();
        let blobs = files.map(|(digest, file)| Ok((digest.clone(), self.of.named(&file.row)?)));
        blobs.collect()
    }

    /// Removes the files that no transaction has made ready.
    pub(crate) async fn discard(mut self) {
        self.of
            .discard_all(take(&mut self.kept).into_values())
            .await;
    }

    /// Forgets the files, which a transaction has made ready.
    pub(super) fn release(mut self) {
        self.kept.clear();
    }
}

impl Drop for KeptFiles {
    /// Removes the files of an import whose caller has gone. A later sweep does it if there is no runtime.
    fn drop(&mut self) {
        if self.kept.is_empty() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let (of, kept) = (self.of.clone(), take(&mut self.kept));
            runtime.spawn(async move { of.discard_all(kept.into_values()).await });
        }
    }
}
