//! Fetches one file: into a temporary file beside its place, which is resumed after a break, and renamed only
//! once it is verified. `origin` defines where the bytes come from, and which bytes are right.

mod box_origin;
mod origin;
mod partial_file;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::header::{CONTENT_RANGE, ETAG};
use reqwest::{Response, StatusCode};
use tokio::io::AsyncWriteExt as _;
use url::Url;

use super::source::Location;
use crate::api::ContentRange;
use crate::api::http::headers::is_page;
use crate::api::http::request_line::secret_line;
use crate::api::retry::MIN_PROGRESS;
use crate::base::error::{Cause, NetworkFailure, RequestLine};
use crate::base::reporter::{Event, Reporter};
use crate::files::{space, temporary};
pub(super) use box_origin::BoxOrigin;
pub(crate) use origin::{Begun, Origin};
use partial_file::PartialFile;

/// The maximum number of times that a file's address is requested anew after a refusal.
const MAX_EXPIRED: u32 = 2;
/// The number of bytes between two checks of the free disk space, which must suffice for as many.
const BETWEEN_SPACE_CHECKS: u64 = 64 * 1024 * 1024;

/// A counter of the bytes of all downloads, which reports progress.
pub(crate) struct Meter {
    received: AtomicU64,
    total: Option<u64>,
    reporter: Arc<dyn Reporter>,
}

impl Meter {
    pub(crate) fn new(total: Option<u64>, reporter: Arc<dyn Reporter>) -> Self {
        Self {
            received: AtomicU64::new(0),
            total,
            reporter,
        }
    }

    fn add(&self, bytes: u64) {
        let received = self.received.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let total = self.total.filter(|total| received <= *total);
        self.reporter.report(Event::Received { received, total });
    }

    fn take_back(&self, bytes: u64) {
        let less = |received: u64| Some(received.saturating_sub(bytes));
        let taken = self
            .received
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        debug_assert!(taken.is_ok());
    }
}

/// A request for one file, with the path that it gets.
pub(crate) struct Fetch<'a, O> {
    pub(crate) origin: &'a O,
    pub(crate) path: &'a Path,
    pub(crate) meter: &'a Meter,
}

impl<O: Origin> Fetch<'_, O> {
    /// Fetches and verifies the file, and moves it into place.
    ///
    /// # Errors
    /// Fails when a failure is permanent or no attempt is left; [`Cause::Differs`] when the bytes differ from
    /// the source's description.
    pub(crate) async fn run(&self) -> Result<O::Verified, Cause> {
        let folder = temporary::parent(self.path);
        let made = tokio::fs::create_dir_all(folder).await;
        made.map_err(|error| Cause::file(folder, error))?;
        let mut part = PartialFile::open(self.path, self.origin.digest()).await?;
        self.meter.add(part.length);
        let mut once_more = true;
        loop {
            let resumed = part.is_complete() || self.fetch_bytes(&mut part).await?;
            match self.origin.verify(&part.path, part.tag.as_deref()).await {
                Ok(verified) => {
                    part.commit(self.path).await?;
                    return Ok(verified);
                }
                // The earlier part may belong to another file, so the download starts over once.
                Err(Cause::Differs(_)) if resumed && once_more => {
                    once_more = false;
                    self.clear(&mut part).await?;
                }
                Err(cause) => {
                    self.clear(&mut part).await?;
                    return Err(cause);
                }
            }
        }
    }

    /// Obtains all bytes; returns whether some of them were present before.
    async fn fetch_bytes(&self, part: &mut PartialFile) -> Result<bool, Cause> {
        match self.origin.place().await? {
            Location::Remote(url) => self.download(part, url).await,
            Location::File(from) => {
                self.clear(part).await?;
                part.copy(&from).await?;
                self.meter.add(part.length);
                Ok(false)
            }
            Location::Folder(folder) => {
                self.clear(part).await?;
                part.pack(folder).await?;
                self.meter.add(part.length);
                Ok(false)
            }
        }
    }

    /// Downloads the missing bytes; returns whether some were present before.
    async fn download(&self, part: &mut PartialFile, url: Url) -> Result<bool, Cause> {
        let mut attempts = self.origin.attempts()?;
        if !part.can_resume() {
            self.clear(part).await?;
        }
        let mut resumed = part.length > 0;
        let mut url = Some(url);
        let (mut farthest, mut expired) = (part.length, 0);
        loop {
            let Err(cause) = self.connect(part, url.take()).await else {
                return Ok(resumed);
            };
            // Only bytes beyond the farthest position count as progress: otherwise a download that starts over
            // each time would never end.
            let headway = part.length.saturating_sub(farthest) >= MIN_PROGRESS;
            farthest = farthest.max(part.length);
            if self.has_expired(&cause) && expired < MAX_EXPIRED {
                expired += 1;
            } else if !cause.is_transient() {
                return Err(cause);
            } else if headway {
                attempts = self.origin.attempts()?;
                attempts.pause().await;
            } else if !attempts.wait_before_retry(&cause).await {
                return Err(cause);
            }
            if !part.can_resume() {
                self.clear(part).await?;
            }
            if part.length > 0 {
                resumed = true;
                let (received, cause) = (part.length, &cause);
                let resuming = Event::Resuming { received, cause };
                self.meter.reporter.report(resuming);
            }
        }
    }

    /// Returns whether a refusal may mean that a signed address has expired.
    fn has_expired(&self, cause: &Cause) -> bool {
        let refused = matches!(
            cause,
            Cause::Status {
                status: 401 | 403 | 410,
                ..
            }
        );
        refused && self.origin.may_expire()
    }

    /// Makes one connection, to the given address, or else to one that is requested first.
    async fn connect(&self, part: &mut PartialFile, url: Option<Url>) -> Result<(), Cause> {
        let place = match url {
            Some(url) => Location::Remote(url),
            None => self.origin.place().await?,
        };
        let Location::Remote(url) = place else {
            return Err(Cause::Internal("the source has moved".to_owned()));
        };
        let line = secret_line("GET", &url);
        let begun = match self.origin.get(&url, &part.conditions()?).await {
            Ok(begun) => begun,
            // Either the file was already complete, or it has changed.
            Err(Cause::Status { status: 416, .. }) if part.length > 0 => {
                if part.is_complete() {
                    return Ok(());
                }
                self.clear(part).await?;
                return Err(broken(
                    &line,
                    "the server does not send the rest of the file",
                ));
            }
            Err(cause) => return Err(cause),
        };
        self.begin(part, &line, &begun.response).await?;
        self.check_announced_size(part, &url)?;
        self.receive(part, &line, begun).await
    }

    /// Prepares the partial file for a reply with the rest of the file, or with all of it.
    async fn begin(
        &self,
        part: &mut PartialFile,
        line: &RequestLine,
        response: &Response,
    ) -> Result<(), Cause> {
        let text = |name| response.headers().get(name)?.to_str().ok();
        let tag = text(ETAG)
            .filter(|tag| tag.starts_with('"'))
            .map(str::to_owned);
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = text(CONTENT_RANGE).and_then(ContentRange::parse);
                let range = range.filter(|range| range.start == part.length);
                // Without a checksum, only the `ETag` can prove that the file is the same.
                let is_same = match (&part.tag, self.origin.digest()) {
                    (Some(known), None) => tag.as_ref() == Some(known),
                    (Some(known), Some(_)) => tag.as_ref().is_none_or(|tag| tag == known),
                    (None, _) => true,
                };
                let Some(range) = range.filter(|_| is_same) else {
                    self.clear(part).await?;
                    return Err(broken(line, "the server sent the rest of another file"));
                };
                if let (Some(total), Some(now)) = (part.total, range.total)
                    && total != now
                {
                    self.clear(part).await?;
                    return Err(broken(line, "the file's size has changed"));
                }
                part.total = part.total.or(range.total);
            }
            StatusCode::OK if is_page(response) => {
                return Err(Cause::Reply {
                    request: line.clone(),
                    detail: "the server sent an HTML page, as gateways do, instead of a file"
                        .to_owned(),
                });
            }
            StatusCode::OK => {
                self.clear(part).await?;
                part.tag = tag;
                part.total = response.content_length();
                part.save_state().await?;
            }
            status => {
                return Err(Cause::Reply {
                    request: line.clone(),
                    detail: format!("{status} is not a reply with a file"),
                });
            }
        }
        Ok(())
    }

    /// Checks the announced size against the source's, and against the free disk space, before the bytes arrive.
    fn check_announced_size(&self, part: &PartialFile, url: &Url) -> Result<(), Cause> {
        let Some(total) = part.total else {
            return Ok(());
        };
        // A checksum is stronger evidence than the size.
        if let (Some(size), None) = (self.origin.size(), self.origin.digest())
            && size != total
        {
            return Err(Cause::Differs(format!(
                "the source states a size of {size} bytes, and {} sends {total}",
                url.origin().ascii_serialization()
            )));
        }
        let folder = temporary::parent(self.path);
        let missing = total.saturating_sub(part.length);
        space::require(folder, missing).map_err(|error| Cause::file(folder, error))
    }

    async fn receive(
        &self,
        part: &mut PartialFile,
        line: &RequestLine,
        mut begun: Begun,
    ) -> Result<(), Cause> {
        let mut file = part.append().await?;
        let most = part.total.or(self.origin.size()).unwrap_or(u64::MAX);
        let mut checked_at = part.length;
        let ended = loop {
            let chunk = match begun.first.take() {
                Some(first) => Ok(Some(first)),
                None => self.origin.chunk(line, &mut begun.response).await,
            };
            match chunk {
                Ok(Some(chunk)) => {
                    let written = file.write_all(&chunk).await;
                    written.map_err(|error| Cause::file(&part.path, error))?;
                    part.length += chunk.len() as u64;
                    self.meter.add(chunk.len() as u64);
                    if part.length > most {
                        break Err(broken(line, "more bytes arrived than were announced"));
                    }
                    if part.length - checked_at > BETWEEN_SPACE_CHECKS {
                        checked_at = part.length;
                        let folder = temporary::parent(self.path);
                        space::require(folder, BETWEEN_SPACE_CHECKS)
                            .map_err(|error| Cause::file(folder, error))?;
                    }
                }
                Ok(None) => break Ok(()),
                Err(cause) => break Err(cause),
            }
        };
        let flushed = file.flush().await;
        flushed.map_err(|error| Cause::file(&part.path, error))?;
        ended?;
        match part.total {
            _ if part.length > most => {
                self.clear(part).await?;
                Err(broken(line, "more bytes arrived than were announced"))
            }
            Some(total) if part.length < total => {
                let length = part.length;
                Err(broken(
                    line,
                    &format!("the reply ended after {length} of {total} bytes"),
                ))
            }
            _ => Ok(()),
        }
    }

    async fn clear(&self, part: &mut PartialFile) -> Result<(), Cause> {
        self.meter.take_back(part.length);
        part.clear().await
    }
}

/// Removes the temporary files that an earlier run may have left beside a finished file.
///
/// # Errors
/// Fails when a file cannot be removed; the error names it.
pub(crate) async fn remove_leftovers(place: &Path) -> Result<(), Cause> {
    PartialFile::at(place, None).clear().await
}

fn broken(line: &RequestLine, detail: &str) -> Cause {
    Cause::Network {
        request: line.clone(),
        failure: NetworkFailure::ConnectionBroken,
        detail: detail.to_owned(),
    }
}
