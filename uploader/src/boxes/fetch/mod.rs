//! Fetches one file: into a temporary file beside its place, which is resumed after a break, and renamed only
//! once it is verified.

mod partial_file;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::header::{CONTENT_RANGE, ETAG};
use reqwest::{Response, StatusCode};
use tokio::io::AsyncWriteExt as _;
use url::Url;

use super::checksum::{Checksum, ChecksumKind};
use super::model::{BoxRecord, FileRecord};
use super::registry::RegistryClient;
use super::source::{Location, Source};
use crate::api::ContentRange;
use crate::api::http::headers::is_page;
use crate::api::http::request_line::secret_line;
use crate::api::retry::MIN_PROGRESS;
use crate::base::error::{Cause, NetworkFailure, RequestLine};
use crate::base::reporter::{Event, Reporter};
use crate::files::{space, temporary};
use partial_file::PartialFile;

/// The maximum number of times that a file's address is requested anew after a refusal.
const MAX_EXPIRED: u32 = 2;
/// The number of bytes between two checks of the free disk space, which must suffice for as many.
const BETWEEN_SPACE_CHECKS: u64 = 64 * 1024 * 1024;

/// A counter of the bytes of all downloads, which reports progress.
pub(super) struct Meter {
    received: AtomicU64,
    total: Option<u64>,
    reporter: Arc<dyn Reporter>,
}

impl Meter {
    pub(super) fn new(total: Option<u64>, reporter: Arc<dyn Reporter>) -> Self {
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

/// A file that was fetched.
pub(super) struct Fetched {
    pub(super) bytes: u64,
    pub(super) checksum: Checksum,
}

/// A request for one file, with the path that it gets.
pub(super) struct Fetch<'a> {
    pub(super) source: &'a Source,
    pub(super) record: &'a BoxRecord,
    pub(super) version: &'a str,
    pub(super) file: &'a FileRecord,
    pub(super) path: &'a Path,
    pub(super) meter: &'a Meter,
}

impl Fetch<'_> {
    /// Fetches and verifies the file, and moves it into place.
    ///
    /// # Errors
    /// Fails when a failure is permanent or no attempt is left; [`Cause::Differs`] when the bytes differ from
    /// the source's description.
    pub(super) async fn run(&self) -> Result<Fetched, Cause> {
        let folder = temporary::parent(self.path);
        let made = tokio::fs::create_dir_all(folder).await;
        made.map_err(|error| Cause::file(folder, error))?;
        let mut part = PartialFile::open(self.path, self.file.checksum.as_ref()).await?;
        self.meter.add(part.length);
        let mut once_more = true;
        loop {
            let resumed = part.is_complete() || self.fetch_bytes(&mut part).await?;
            match self.verify(&part).await {
                Ok(fetched) => {
                    part.commit(self.path).await?;
                    return Ok(fetched);
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
        match self.place().await? {
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

    /// Asks for the location of the bytes, which a registry counts as a download.
    async fn place(&self) -> Result<Location, Cause> {
        self.source
            .place(self.record, self.version, self.file)
            .await
    }

    fn http(&self) -> Result<&RegistryClient, Cause> {
        let http = self.source.http();
        http.ok_or_else(|| Cause::Internal("a source on this machine has an address".to_owned()))
    }

    /// Downloads the missing bytes; returns whether some were present before.
    async fn download(&self, part: &mut PartialFile, url: Url) -> Result<bool, Cause> {
        let http = self.http()?;
        let mut attempts = http.attempts();
        if !part.can_resume() {
            self.clear(part).await?;
        }
        let mut resumed = part.length > 0;
        let mut url = Some(url);
        let (mut farthest, mut expired) = (part.length, 0);
        loop {
            let Err(cause) = self.connect(http, part, url.take()).await else {
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
                attempts = http.attempts();
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
                http.reporter().report(Event::Resuming { received, cause });
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
        refused && self.file.hosted
    }

    /// Makes one connection, to the given address, or else to one that is requested first.
    async fn connect(
        &self,
        http: &RegistryClient,
        part: &mut PartialFile,
        url: Option<Url>,
    ) -> Result<(), Cause> {
        let place = match url {
            Some(url) => Location::Remote(url),
            None => self.place().await?,
        };
        let Location::Remote(url) = place else {
            return Err(Cause::Internal("the source has moved".to_owned()));
        };
        let line = secret_line("GET", &url);
        let asked = http.for_downloads();
        let response = match asked.get_once(&url, &part.conditions()?).await {
            Ok(response) => response,
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
        self.begin(part, &line, &response).await?;
        self.check_announced_size(part, &url)?;
        self.receive(http, part, &line, response).await
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
                let is_same = match (&part.tag, &self.file.checksum) {
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
                    detail: "the server sent an HTML page, as gateways do, instead of a box"
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
        if let (Some(size), None) = (self.file.size, &self.file.checksum)
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
        http: &RegistryClient,
        part: &mut PartialFile,
        line: &RequestLine,
        mut response: Response,
    ) -> Result<(), Cause> {
        let mut file = part.append().await?;
        let most = part.total.or(self.file.size).unwrap_or(u64::MAX);
        let mut checked_at = part.length;
        let ended = loop {
            match http.chunk(line, &mut response).await {
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

    async fn verify(&self, part: &PartialFile) -> Result<Fetched, Cause> {
        let expected = self.file.checksum.clone();
        let kind = expected
            .as_ref()
            .map_or(ChecksumKind::Sha256, |checksum| checksum.kind);
        let path = part.path.clone();
        let hashed = tokio::task::spawn_blocking(move || kind.of_file(&path)).await;
        let hashed = hashed.unwrap_or_else(|error| Err(io::Error::other(error)));
        let (checksum, bytes) = hashed.map_err(|error| Cause::file(&part.path, error))?;
        match (&expected, self.file.size) {
            (Some(expected), _) if *expected != checksum => {
                let (kind, value) = (expected.kind.name(), &expected.value);
                let here = &checksum.value;
                Err(Cause::Differs(format!(
                    "the source states {kind} {value}, and the {bytes} bytes received have {here}"
                )))
            }
            (None, _) if bytes == 0 => Err(Cause::Differs("the file received is empty".to_owned())),
            (None, Some(size)) if size != bytes => Err(Cause::Differs(format!(
                "the source states a size of {size} bytes, and {bytes} were received"
            ))),
            _ => Ok(Fetched { bytes, checksum }),
        }
    }
}

/// Removes the temporary files that an earlier run may have left beside a finished file.
///
/// # Errors
/// Fails when a file cannot be removed; the error names it.
pub(super) async fn remove_leftovers(place: &Path) -> Result<(), Cause> {
    PartialFile::at(place, None).clear().await
}

fn broken(line: &RequestLine, detail: &str) -> Cause {
    Cause::Network {
        request: line.clone(),
        failure: NetworkFailure::ConnectionBroken,
        detail: detail.to_owned(),
    }
}
