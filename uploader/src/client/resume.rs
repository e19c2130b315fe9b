//! The rest of a download that broke off.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE};

use super::transport::request_line;
use super::{Client, Download};
use crate::error::{Cause, Error, Phase};
use crate::slug::{ArtifactName, ArtifactType};

/// The rest of a file.
#[derive(Debug)]
pub struct Rest {
    /// The download that goes on.
    pub download: Download,
    /// How many of its first bytes were there before: a server that knows no ranges begins anew.
    pub known: u64,
    /// The size of the whole file in bytes, if this reply says it.
    pub total: Option<u64>,
    /// The end of the bytes that this reply announces, counted from the beginning of the file.
    pub part: Option<u64>,
}

impl Client {
    /// What follows the first `offset` bytes of the file with this tag, which must be a strong
    /// `ETag`: of another file no byte is taken.
    ///
    /// # Errors
    /// [`Phase::Download`]; also when the file is another one by now.
    pub async fn download_rest(
        &self,
        name: &ArtifactName,
        artifact_type: &ArtifactType,
        version: u64,
        offset: u64,
        tag: &str,
    ) -> Result<Rest, Error> {
        let failed = |cause| Error::new(Phase::Download, cause);
        let number = version.to_string();
        let url = self.artifact_url(name, [artifact_type.as_str(), &number, "file"]);
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
            Some((known, total, part)) => Ok(Rest {
                download: self.begun(&url, reply),
                known,
                total,
                part,
            }),
            None => Err(failed(Cause::Reply {
                request: request_line("GET", &url),
                detail: "the download broke off, and its rest is not to be had".to_owned(),
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

/// `bytes START-END/TOTAL`, where the total may be `*`.
pub(crate) struct ContentRange {
    pub(crate) start: u64,
    /// Behind the last byte.
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
