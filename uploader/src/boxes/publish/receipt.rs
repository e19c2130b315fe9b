//! The receipt of a publication records its request and its progress in a file, so that a stopped one can be finished.
//! It contains the upload URL, which authorises its bearer, so only its owner may read it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::request::{BoxSource, Publish};
use crate::base::error::{Cause, Error, Phase};
use crate::base::shell::for_shell;
use crate::boxes::service::{Api, UploadTarget};
use crate::files::{io_error, receipt};
use crate::push::receipt::Content;

/// The format number; it increases when older programs could misread newer receipts.
const FORMAT: u32 = 1;

/// The progress of a publication. The box, its version and its provider are not recorded: the service knows them by
/// their names.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum State {
    /// No upload was requested.
    Planned,
    /// The service gave the addresses of an upload.
    Sending {
        #[serde(flatten)]
        target: UploadTarget,
        /// Whether the bytes have arrived, so that only the completion is missing.
        sent: bool,
    },
    /// The publication is complete.
    Done {
        /// Whether the version was released then.
        released: bool,
    },
}

#[derive(Clone, Serialize, Deserialize)]
struct Page {
    box_receipt: u32,
    address: String,
    api: Option<Api>,
    publish: Publish,
    /// The content sent or to be sent.
    content: Option<Content>,
    #[serde(flatten)]
    state: State,
}

/// A publication and its progress, in a file or only in memory.
pub struct PublishReceipt {
    path: Option<PathBuf>,
    page: Page,
    /// The open receipt, which stays locked while it is open.
    held: Option<File>,
}

impl PublishReceipt {
    /// Creates a receipt only in memory, for a publication that cannot be resumed.
    pub fn unsaved(publish: Publish) -> Self {
        let page = Page {
            box_receipt: FORMAT,
            address: String::new(),
            api: None,
            publish,
            content: None,
            state: State::Planned,
        };
        Self {
            path: None,
            page,
            held: None,
        }
    }

    /// Creates a receipt file for a service at an address. It may replace only the receipt of a publication that is
    /// done.
    ///
    /// # Errors
    /// [`Phase::Receipt`] for a file that cannot be written, must not be replaced, or is in use.
    pub async fn create(
        path: &Path,
        address: &Url,
        api: Option<Api>,
        mut publish: Publish,
    ) -> Result<Self, Error> {
        // A publication may be finished from another working directory.
        if let BoxSource::File(file) = &mut publish.source {
            *file = std::path::absolute(&*file).map_err(|error| failed(path, error))?;
        }
        let mut this = Self {
            path: Some(path.to_owned()),
            ..Self::unsaved(publish)
        };
        this.page.address = address.to_string();
        this.page.api = api;
        let page = this.page.clone();
        let created = blocking(path.to_owned(), move |path| {
            let is_done = |earlier: &[u8]| {
                let earlier = Page::parse(earlier)?;
                Ok(matches!(earlier.state, State::Done { .. }))
            };
            let file = receipt::create(path, &page, is_done)?;
            receipt::clear_away(path);
            Ok(file)
        });
        this.held = Some(created.await?);
        Ok(this)
    }

    /// Opens the receipt file of an earlier run.
    ///
    /// # Errors
    /// [`Phase::Receipt`] for a file that cannot be read, is not such a receipt, or is in use.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let opened = blocking(path.to_owned(), |path| {
            let (text, file) = receipt::open(path)?;
            receipt::clear_away(path);
            Ok((Page::parse(&text)?, file))
        });
        let (page, held) = opened.await?;
        Ok(Self {
            path: Some(path.to_owned()),
            page,
            held: Some(held),
        })
    }

    /// Returns the request.
    pub fn request(&self) -> &Publish {
        &self.page.publish
    }

    /// Returns the API that was named when the publication began.
    pub fn api(&self) -> Option<Api> {
        self.page.api
    }

    /// Checks that the receipt belongs to the service at an address.
    ///
    /// # Errors
    /// [`Phase::Configure`] for another address, whose service knows neither this token nor this upload.
    pub fn check_address(&self, address: &Url) -> Result<(), Error> {
        if self.page.address == address.as_str() {
            return Ok(());
        }
        let reason = format!(
            "the receipt belongs to {}, not to {address}",
            self.page.address
        );
        Err(Error::new(Phase::Configure, Cause::Usage(reason)))
    }

    /// Returns the command that finishes the publication; `None` without a file.
    pub fn how_to_resume(&self) -> Option<String> {
        self.path.as_deref().map(command)
    }

    pub(super) fn state(&self) -> &State {
        &self.page.state
    }

    /// Returns whether this publication may have sent bytes, so that those that are there may be its own.
    pub(super) fn has_begun_to_send(&self) -> bool {
        matches!(self.page.state, State::Sending { .. })
    }

    /// Records the content to send, and compares it with that with which an earlier run began.
    ///
    /// # Errors
    /// [`Cause::Changed`] when the two differ.
    pub(super) async fn set_content(&mut self, content: Option<Content>) -> Result<(), Error> {
        if let Some(began) = &self.page.content
            && content.as_ref() != Some(began)
        {
            let here = content.map_or_else(|| "none".to_owned(), |content| content.to_string());
            let began = began.to_string();
            let error = Error::new(Phase::Pack, Cause::Changed { began, here });
            return Err(match self.path.as_deref() {
                Some(path) => error.with_hint(format!(
                    "restore the file, or remove {} and publish again",
                    for_shell(path)
                )),
                None => error,
            });
        }
        self.page.content = content;
        self.save().await
    }

    /// Records the progress, and returns when the file contains it.
    pub(super) async fn set(&mut self, state: State) -> Result<(), Error> {
        self.page.state = state;
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

/// Returns the command that finishes the publication of a receipt.
pub fn command(receipt: &Path) -> String {
    format!("atlas-upload box publish --resume {}", for_shell(receipt))
}

impl Page {
    fn parse(text: &[u8]) -> io::Result<Self> {
        let page: Self = receipt::parse(text)?;
        if page.box_receipt != FORMAT {
            let later = page.box_receipt;
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
