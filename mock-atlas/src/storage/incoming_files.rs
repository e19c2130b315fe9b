//! The files of contents that are imported, each of which is kept as it comes.

use foldhash::HashMap;

use super::durable::KeptFiles;
use super::{BackendError, Blob};

/// The files of contents that are to be imported, by the digests with which the artifacts name them. A durable
/// catalog writes each to its store at once, where nothing names it before the import.
#[derive(Debug)]
pub(crate) enum IncomingFiles {
    Memory(HashMap<String, Blob>),
    Durable(KeptFiles),
}

impl IncomingFiles {
    /// Returns whether there is a file of this digest already.
    pub(crate) fn have(&self, digest: &str) -> bool {
        match self {
            Self::Memory(files) => files.contains_key(digest),
            Self::Durable(files) => files.have(digest),
        }
    }

    /// Keeps a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn keep(&mut self, digest: String, blob: Blob) -> Result<(), BackendError> {
        match self {
            Self::Memory(files) => {
                files.insert(digest, blob);
                Ok(())
            }
            Self::Durable(files) => files.keep(digest, &blob).await,
        }
    }

    /// Removes the files, which are not needed after all.
    pub(crate) async fn discard(self) {
        match self {
            Self::Memory(_) => {}
            Self::Durable(files) => files.discard().await,
        }
    }
}
