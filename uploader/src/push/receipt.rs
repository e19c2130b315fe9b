//! The receipt records pushes in a file, each with its request and its progress, so that a stopped push can
//! be finished. It is written before each step that the server could carry out without this program receiving the
//! reply, as `files::receipt` describes.
//!
//! A receipt contains the upload URL, which authorises its bearer, so only its owner may read it. It never
//! contains the token.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::api::atlas_url::AtlasUrl;
use crate::base::error::{Cause, Error, Phase};
use crate::files::io_error;
use crate::files::receipt;
use crate::push::request::Push;

/// The format number; it increases when older programs could misread newer receipts.
const FORMAT: u32 = 1;

/// The progress of a push.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// No version has been created.
    Planned,
    /// The creation of a version was requested and its reply is missing: the version may exist or not.
    Making,
    /// The version exists, and its bytes may have arrived or not.
    Sending {
        /// The version's number.
        version: u64,
        /// The upload path, which is a secret.
        upload_path: String,
    },
    /// The version is complete.
    Done {
        /// The version's number.
        version: u64,
    },
}

/// The content of a version's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The digest in its printed form; `None` when none was wanted.
    pub digest: Option<String>,
    /// The length.
    pub bytes: u64,
}

/// Shows the digest or, without one, the length.
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.digest {
            Some(digest) => f.write_str(digest),
            None => write!(f, "{} bytes", self.bytes),
        }
    }
}

/// The entry of one push.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The progress.
    #[serde(flatten)]
    pub state: State,
    /// The content sent or to be sent; `None` without a file, and while no version was requested.
    pub content: Option<Content>,
    /// The number of versions that this push may have left awaiting bytes forever. They are invisible.
    pub possible_orphans: u32,
    /// The request.
    pub push: Push,
}

impl Entry {
    fn new(push: Push) -> Self {
        Self {
            state: State::Planned,
            content: None,
            possible_orphans: 0,
            push,
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Page {
    receipt: u32,
    atlas_url: String,
    pushes: Vec<Entry>,
}

/// A list of pushes and their progress, in a file or only in memory.
pub struct ReceiptFile {
    path: Option<PathBuf>,
    page: Page,
    /// The open receipt, which stays locked while it is open.
    held: Option<File>,
}

impl ReceiptFile {
    /// Creates a receipt only in memory, for a push that cannot be resumed.
    pub fn unsaved(pushes: Vec<Push>) -> Self {
        let page = Page {
            receipt: FORMAT,
            atlas_url: String::new(),
            pushes: pushes.into_iter().map(Entry::new).collect(),
        };
        Self {
            path: None,
            page,
            held: None,
        }
    }

    /// Creates a receipt file. It may replace only a receipt whose pushes are all done.
    ///
    /// # Errors
    /// [`Phase::Receipt`] for a file that cannot be written, must not be replaced, or is in use.
    pub async fn create(path: &Path, atlas: &AtlasUrl, pushes: Vec<Push>) -> Result<Self, Error> {
        let pushes = pushes.into_iter().map(with_absolute_paths);
        let pushes = pushes
            .collect::<io::Result<_>>()
            .map_err(|error| failed(path, error))?;
        let mut file = Self {
            path: Some(path.to_owned()),
            ..Self::unsaved(pushes)
        };
        file.page.atlas_url = atlas.to_string();
        let page = file.page.clone();
        file.held = Some(blocking(path.to_owned(), move |path| page.create(path)).await?);
        file.clear_away().await;
        Ok(file)
    }

    /// Opens the receipt file of an earlier run.
    ///
    /// # Errors
    /// [`Phase::Receipt`] for a file that cannot be read, is not a receipt, or is in use. [`Phase::Configure`]
    /// for a receipt of another Atlas, which knows neither this token nor this version.
    pub async fn open(path: &Path, atlas: &AtlasUrl) -> Result<Self, Error> {
        let (mut page, held) = blocking(path.to_owned(), Page::take).await?;
        if page.atlas_url != atlas.to_string() {
            let reason = format!("the receipt belongs to {}, not to {atlas}", page.atlas_url);
            return Err(Error::new(Phase::Configure, Cause::Usage(reason)));
        }
        page.keep_tars_of_boxes();
        let file = Self {
            path: Some(path.to_owned()),
            page,
            held: Some(held),
        };
        file.clear_away().await;
        Ok(file)
    }

    /// Removes temporary files that killed runs left beside the receipt: some contain upload addresses.
    async fn clear_away(&self) {
        let Some(path) = self.path.clone() else {
            return;
        };
        let clear = move || receipt::clear_away(&path);
        if let Err(error) = tokio::task::spawn_blocking(clear).await {
            tracing::debug!(%error, "temporary files were not removed");
        }
    }

    /// Returns the path of the file; `None` for a receipt only in memory.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the pushes in order.
    pub fn entries(&self) -> &[Entry] {
        &self.page.pushes
    }

    /// Changes one entry, and returns when the file contains the change.
    pub(crate) async fn set(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut Entry),
    ) -> Result<(), Error> {
        if let Some(entry) = self.page.pushes.get_mut(index) {
            change(entry);
        }
        self.save().await
    }

    async fn save(&mut self) -> Result<(), Error> {
        let Some(path) = self.path.clone() else {
            return Ok(());
        };
        let page = self.page.clone();
        let written = blocking(path, move |path| receipt::replace(path, &page));
        self.held = Some(written.await?);
        Ok(())
    }
}

impl Page {
    fn is_done(&self) -> bool {
        let done = |entry: &Entry| matches!(entry.state, State::Done { .. });
        self.pushes.iter().all(done)
    }

    /// Sets `keep_tar` for planned boxes that are tars: an older release would have packed them into another
    /// tar. A push whose version was requested keeps its bytes.
    fn keep_tars_of_boxes(&mut self) {
        let planned = self.pushes.iter_mut();
        for Entry { push, .. } in planned.filter(|entry| entry.state == State::Planned) {
            push.packing.keep_tar |= push.artifact_type.is_vagrant_box();
        }
    }

    /// Creates the receipt at a free path, or in place of a receipt whose pushes are done.
    fn create(&self, path: &Path) -> io::Result<File> {
        receipt::create(path, self, |earlier| Ok(Self::parse(earlier)?.is_done()))
    }

    /// Opens, locks and reads a receipt.
    fn take(path: &Path) -> io::Result<(Self, File)> {
        let (text, file) = receipt::open(path)?;
        Ok((Self::parse(&text)?, file))
    }

    fn parse(text: &[u8]) -> io::Result<Self> {
        let page: Self = receipt::parse(text)?;
        if page.receipt != FORMAT {
            let later = page.receipt;
            let reason = format!("is a receipt of format {later}; this program reads {FORMAT}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(page)
    }
}

async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let named = path.clone();
    let done = tokio::task::spawn_blocking(move || work(&path)).await;
    let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(|error| failed(&named, error))
}

fn failed(path: &Path, error: io::Error) -> Error {
    // The error names the receipt, not the temporary file, whose name is of no use to the user.
    Error::new(Phase::Receipt, Cause::file(path, io_error::plain(&error)))
}

/// Makes the paths absolute, since a push may be finished from another working directory.
fn with_absolute_paths(push: Push) -> io::Result<Push> {
    let paths = push.paths.iter().map(std::path::absolute);
    Ok(Push {
        paths: paths.collect::<io::Result<_>>()?,
        ..push
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_killed_run_left_beside_a_receipt_is_removed_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("push.json");
        let atlas: AtlasUrl = "http://atlas.test".parse().unwrap();
        let create = || ReceiptFile::create(&path, &atlas, Vec::new());
        let created = create().await.unwrap();
        let page = created.page.clone();
        drop(created);
        // A killed process leaves such a file without a lock.
        let left = || {
            receipt::written_beside(&path, &page)
                .unwrap()
                .keep()
                .unwrap()
                .1
        };
        let (first, writing) = (left(), receipt::written_beside(&path, &page).unwrap());
        drop(ReceiptFile::open(&path, &atlas).await.unwrap());
        assert!(!first.exists());
        let second = left();
        drop(create().await.unwrap());
        assert!(!second.exists());
        assert!(writing.path().exists());
    }
}
