//! The receipt of pushes: what each was asked for and how far it came, kept in a file so that a push
//! that was stopped can be finished. It is written whole, and renamed into its place, before each
//! step that the server could take without us hearing of it.
//!
//! It holds the upload URL, which authorises whoever knows it, so only its owner may read it; it
//! never holds the token.
//!
//! Who works with it holds its lock, so that two do not finish the same push. There is no second
//! file for the lock, which would have to be cleared away by whoever comes last: the receipt itself
//! is locked, and each that takes its place is so before anybody can open it.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::api::atlas_url::AtlasUrl;
use crate::base::error::{Cause, Error, Phase};
use crate::files::io_error;
use crate::files::read;
use crate::files::temporary;
use crate::push::request::Push;

/// Counts up when a program of today could misread what a later one wrote.
const FORMAT: u32 = 1;

/// The names of files that are not in their places yet, receipts and packed files beside them, begin like
/// this.
pub(crate) const TEMPORARY: &str = ".atlas-upload-";

/// How far a push came.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// No version was made.
    Planned,
    /// A version was asked for, and there is no reply: it may have been made or not.
    Making,
    /// The version was made, and its bytes may have arrived or not.
    Sending {
        /// Its number.
        version: u64,
        /// Where the bytes go: a secret.
        upload_path: String,
    },
    /// The version is whole.
    Done {
        /// Its number.
        version: u64,
    },
}

/// What a version's file consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The digest as it prints; `None` when none was wanted.
    pub digest: Option<String>,
    /// The length.
    pub bytes: u64,
}

/// The digest or, without one, the length.
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.digest {
            Some(digest) => f.write_str(digest),
            None => write!(f, "{} bytes", self.bytes),
        }
    }
}

/// One push.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// How far it came.
    #[serde(flatten)]
    pub state: State,
    /// What was sent, or was to be; `None` without a file, and while no version was asked for.
    pub content: Option<Content>,
    /// How many versions it may have left behind that await bytes forever. Nobody sees them.
    pub possible_orphans: u32,
    /// What was asked for.
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

/// Pushes and how far they came, in a file or in memory alone.
pub struct ReceiptFile {
    path: Option<PathBuf>,
    page: Page,
    /// Locked as long as it is open.
    held: Option<File>,
}

impl ReceiptFile {
    /// In memory alone: for a push that nobody will finish.
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

    /// A new file. It may take the place of a receipt of pushes that are done, of nothing else.
    ///
    /// # Errors
    /// [`Phase::Receipt`]: a file that cannot be written, must not be replaced, or is in use.
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

    /// A file that an earlier run left.
    ///
    /// # Errors
    /// [`Phase::Receipt`]: a file that cannot be read, is no receipt, or is in use.
    /// [`Phase::Configure`]: it is of another Atlas, where neither the token nor the version of this
    /// one is known.
    pub async fn open(path: &Path, atlas: &AtlasUrl) -> Result<Self, Error> {
        let (mut page, held) = blocking(path.to_owned(), Page::take).await?;
        if page.atlas_url != atlas.to_string() {
            let reason = format!("the receipt is of {}, not of {atlas}", page.atlas_url);
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

    /// Removes what killed runs have left beside the receipt: some of it holds upload addresses.
    async fn clear_away(&self) {
        let Some(path) = self.path.clone() else {
            return;
        };
        let clear = move || temporary::remove_abandoned(temporary::parent(&path), TEMPORARY);
        if let Err(error) = tokio::task::spawn_blocking(clear).await {
            tracing::debug!(%error, "nothing was cleared away");
        }
    }

    /// Returns where it is, unless it is in memory alone.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The pushes, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.page.pushes
    }

    /// Changes one entry, and returns once the file says so.
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
        let written = blocking(path, move |path| {
            Ok(page.written_beside(path)?.persist(path)?)
        });
        self.held = Some(written.await?);
        Ok(())
    }
}

impl Page {
    fn is_done(&self) -> bool {
        let done = |entry: &Entry| matches!(entry.state, State::Done { .. });
        self.pushes.iter().all(done)
    }

    /// Has a box that is a tar sent as one: an older release packed it into another tar. Where a version was
    /// asked for, its bytes are fixed.
    fn keep_tars_of_boxes(&mut self) {
        let planned = self.pushes.iter_mut();
        for Entry { push, .. } in planned.filter(|entry| entry.state == State::Planned) {
            push.packing.keep_tar |= push.artifact_type.is_vagrant_box();
        }
    }

    /// Where nothing is, or what is done.
    fn create(&self, path: &Path) -> io::Result<File> {
        let earlier = match Self::take(path) {
            Ok((page, held)) if page.is_done() => held,
            Ok(_) => {
                let reason =
                    "holds a push that is not finished; finish it with --resume, or remove it";
                return Err(io::Error::other(reason));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Somebody else may be about to make it, too.
                return Ok(self.written_beside(path)?.persist_noclobber(path)?);
            }
            Err(error) => return Err(error),
        };
        let file = self.written_beside(path)?.persist(path)?;
        drop(earlier);
        Ok(file)
    }

    /// A locked file that can be renamed to `path` in one step: a reader finds the old receipt or
    /// the new one, never a part.
    fn written_beside(&self, path: &Path) -> io::Result<NamedTempFile> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        let folder = temporary::parent(path);
        // Readable by its owner alone, as such files are from the beginning.
        let mut file = temporary::file(folder, &mut temporary::builder(TEMPORARY))?;
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    /// Locks and reads.
    fn take(path: &Path) -> io::Result<(Self, File)> {
        loop {
            let file = File::open(path)?;
            lock(&file)?;
            // Another one may have taken its place before it was locked.
            if temporary::is_at(&file, path)? {
                let text = read::read_at_most(&file, read::MAX_SETTINGS)?;
                return Ok((Self::parse(&text)?, file));
            }
        }
    }

    fn parse(text: &[u8]) -> io::Result<Self> {
        let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
        // Place only: serde's own words could repeat the upload URL.
        let page: Self = serde_json::from_slice(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            invalid(format!(
                "is no receipt of a push (line {line}, column {column})"
            ))
        })?;
        if page.receipt != FORMAT {
            let later = page.receipt;
            return Err(invalid(format!(
                "is a receipt of format {later}; this program reads {FORMAT}"
            )));
        }
        Ok(page)
    }
}

fn lock(file: &File) -> io::Result<()> {
    if temporary::lock(file) {
        return Ok(());
    }
    let reason = "another push is at work with this receipt; wait until it ends";
    Err(io::Error::new(io::ErrorKind::ResourceBusy, reason))
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
    // The name of a temporary file helps nobody.
    Error::new(Phase::Receipt, Cause::file(path, io_error::plain(&error)))
}

/// A push may be finished from another folder.
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
        let receipt = create().await.unwrap();
        let page = receipt.page.clone();
        drop(receipt);
        // As when nobody is there to remove it, and its lock is gone.
        let left = || page.written_beside(&path).unwrap().keep().unwrap().1;
        let (first, writing) = (left(), page.written_beside(&path).unwrap());
        drop(ReceiptFile::open(&path, &atlas).await.unwrap());
        assert!(!first.exists());
        let second = left();
        drop(create().await.unwrap());
        assert!(!second.exists());
        assert!(writing.path().exists());
    }
}
