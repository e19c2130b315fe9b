//! Downloads the file of a version from its beginning, or continues a download that broke off.

use std::fmt;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use url::Url;

use super::client::Client;
use super::http::request_line::request_line;
use super::http::transport::{FileReply, Transport};
use crate::base::digest::Digest;
use crate::base::error::{Cause, Error, Phase, RequestLine};
use crate::base::slug::{ArtifactName, ArtifactType, version_slug};

/// A download that has begun.
pub struct Download {
    /// The request, for errors about the bytes.
    pub request: RequestLine,
    /// The digest that the server's `ETag` names, if it names one.
    pub digest: Option<Digest>,
    /// The size in bytes, if the server says it.
    pub length: Option<u64>,
    /// The server's `ETag`, if it is a strong one.
    pub tag: Option<String>,
    /// The first bytes, if they were already read to detect a page.
    first: Option<bytes::Bytes>,
    response: reqwest::Response,
    transport: Transport,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("request", &self.request)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl Download {
    /// Returns the next bytes, unchanged, as they arrive; `None` at the end. Dropping the download breaks the
    /// connection.
    ///
    /// # Errors
    /// [`Cause::Network`]: the connection broke, or nothing came for [`ClientOptions::api_timeout`](super::ClientOptions::api_timeout).
    pub async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, Cause> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        self.transport
            .chunk(&self.request, &mut self.response)
            .await
    }
}

/// A download that continues one that broke off.
#[derive(Debug)]
pub struct ResumedDownload {
    /// The download of the remaining bytes.
    pub download: Download,
    /// The number of bytes at the start of `download` that arrived before: a server without ranges begins
    /// anew.
    pub known: u64,
    /// The size of the whole file in bytes, if this reply says it.
    pub total: Option<u64>,
    /// The end of the bytes that this reply announces, counted from the beginning of the file.
    pub part: Option<u64>,
}

impl Client {
    /// Returns the URL of the file of a version, which may require a token.
    pub fn file_url(&self, name: &ArtifactName, artifact_type: &ArtifactType, version: u64) -> Url {
        let number = version.to_string();
        self.artifact_url(name, [artifact_type.as_str(), &number, "file"])
    }

    /// Downloads a file (`GET /artifacts/U/N/TYPE/VERSION/file`) and follows redirects. Only the requests to
    /// the Atlas' own origin, before the first redirect away from it, carry the token.
    ///
    /// # Errors
    /// [`Phase::Download`]; status 404 for a version that is not there or has no file.
    pub async fn download(
        &self,
        name: &ArtifactName,
        artifact_type: &ArtifactType,
        version: u64,
    ) -> Result<Download, Error> {
        let url = self.file_url(name, artifact_type, version);
        let headers = HeaderMap::new();
        let once = || self.transport.get_file(&url, &headers);
        let reply = self.attempts().run(Phase::Download, once).await?;
        let status = reply.response.status();
        // No range was requested, and a part must not be taken for the whole file.
        if status != StatusCode::OK {
            let request = request_line("GET", &url);
            let detail = format!("{status} is not a reply with a whole file");
            return Err(Error::new(
                Phase::Download,
                Cause::Reply { request, detail },
            ));
        }
        tracing::debug!(
            slug = version_slug(name, artifact_type, version),
            "download begins"
        );
        Ok(self.begun(&url, reply))
    }

    /// Sends a GET for a file, once, with more headers, and returns the reply with the file or a part of it. Only the
    /// requests to the Atlas' own origin, before the first redirect away from it, carry the token.
    ///
    /// # Errors
    /// Fails for a refusal, and without a reply.
    pub(crate) async fn file_once(
        &self,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<FileReply, Cause> {
        self.transport.get_file(url, headers).await
    }

    /// Returns the next bytes of a reply; `None` at its end.
    ///
    /// # Errors
    /// [`Cause::Network`] when the connection breaks, or no bytes arrive in time.
    pub(crate) async fn file_chunk(
        &self,
        line: &RequestLine,
        response: &mut reqwest::Response,
    ) -> Result<Option<bytes::Bytes>, Cause> {
        self.transport.chunk(line, response).await
    }

    fn begun(&self, url: &Url, reply: FileReply) -> Download {
        let FileReply {
            response,
            length,
            first,
        } = reply;
        let tag = response.headers().get(reqwest::header::ETAG);
        let tag = tag.and_then(|tag| tag.to_str().ok());
        Download {
            request: request_line("GET", url),
            digest: tag.and_then(Digest::from_etag),
            length,
            tag: tag.filter(|tag| tag.starts_with('"')).map(str::to_owned),
            first,
            response,
            transport: self.transport.clone(),
        }
    }

    /// Requests the bytes after the first `offset` of the file with this tag, which must be a strong `ETag`:
    /// the bytes of another file are refused.
    ///
    /// # Errors
    /// [`Phase::Download`]; also when the file is another one by now.
    pub async fn resume_download(
        &self,
        name: &ArtifactName,
        artifact_type: &ArtifactType,
        version: u64,
        offset: u64,
        tag: &str,
    ) -> Result<ResumedDownload, Error> {
        let failed = |cause| Error::new(Phase::Download, cause);
        let url = self.file_url(name, artifact_type, version);
        let headers = conditions(offset, tag).map_err(failed)?;
        let once = || self.transport.get_file(&url, &headers);
        let reply = self.attempts().run(Phase::Download, once).await?;
        let headers = reply.response.headers();
        let text = |name| headers.get(name)?.to_str().ok();
        let same = text(ETAG).is_none_or(|now| now == tag);
        let range = text(CONTENT_RANGE).and_then(ContentRange::parse);
        let found = match (reply.response.status(), range) {
            (StatusCode::PARTIAL_CONTENT, Some(range)) if same && range.start == offset => {
                Some((0, range.total, Some(range.end)))
            }
            (StatusCode::OK, _) if text(ETAG) == Some(tag) => Some((offset, reply.length, None)),
            _ => None,
        };
        match found {
            Some((known, total, part)) => Ok(ResumedDownload {
                download: self.begun(&url, reply),
                known,
                total,
                part,
            }),
            None => Err(failed(Cause::Reply {
                request: request_line("GET", &url),
                detail: "the download broke off, and the server does not send the rest".to_owned(),
            })),
        }
    }
}

fn conditions(offset: u64, tag: &str) -> Result<HeaderMap, Cause> {
    let value = |text: &str| {
        HeaderValue::from_str(text).map_err(|error| Cause::Internal(error.to_string()))
    };
    let range = value(&format!("bytes={offset}-"))?;
    Ok(HeaderMap::from_iter([
        (RANGE, range),
        (IF_RANGE, value(tag)?),
    ]))
}

/// A header `bytes START-END/TOTAL`, where the total may be `*`.
pub(crate) struct ContentRange {
    pub(crate) start: u64,
    /// The position after the last byte.
    pub(crate) end: u64,
    pub(crate) total: Option<u64>,
}

impl ContentRange {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (start, last) = range.split_once('-')?;
        let last: u64 = last.trim().parse().ok()?;
        Some(Self {
            start: start.parse().ok()?,
            end: last.checked_add(1)?,
            total: total.parse().ok(),
        })
    }
}
