//! Sends the file of a version: whole, in part, or not at all if the client already has it. Or redirects to it.

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headers::{ETag, HeaderMapExt, IfNoneMatch, IfRange};

use super::range::{Wanted, wanted};
use super::repr_digest::{REPR_DIGEST, repr_digest};
use crate::domain::{Caller, ChannelName, FileSelector};
use crate::http::error::ApiError;
use crate::http::extract::{FileRequest, VersionPath, whole_number};
use crate::service::{Dataset, channels, files};
use crate::storage::Blob;

/// Handles `GET` and `HEAD /artifacts/:username/:name/:type/:version/file`; the version is a number,
/// `latest`, or the name of a channel.
// Contract: download.numbered
pub(crate) async fn send(
    dataset: Dataset,
    caller: Caller,
    VersionPath {
        artifact,
        artifact_type,
        version,
    }: VersionPath,
    mut request: FileRequest,
) -> Result<Response, ApiError> {
    let mut selector = selector(&version);
    let channel: Option<ChannelName> = version.parse().ok();
    // The condition may be about a file that was the latest before, and a store may ignore it.
    if (selector == FileSelector::Latest || channel.is_some())
        && request.headers.contains_key(header::IF_RANGE)
    {
        request.may_redirect = false;
    }
    if let Some(channel) = channel {
        let of = (&artifact, &artifact_type);
        selector = channels::file(&dataset, &caller, of, channel).await?;
    }
    let blob = files::open(&dataset, &caller, &artifact, &artifact_type, selector).await?;
    reply(&blob, &request).await
}

/// Returns the digest of a file as a strong entity tag.
pub(crate) fn etag(blob: &Blob) -> String {
    format!("\"{}\"", blob.digest())
}

/// Returns the version that a path asks for. A text that is no number becomes 0, which no version has.
// Contract: download.latest
fn selector(version: &str) -> FileSelector {
    match version {
        "latest" => FileSelector::Latest,
        number => FileSelector::Number(whole_number(number).unwrap_or(0)),
    }
}

pub(crate) async fn reply(blob: &Blob, request: &FileRequest) -> Result<Response, ApiError> {
    let FileRequest {
        method, headers, ..
    } = request;
    let tag: Option<ETag> = etag(blob).parse().ok();
    if is_known(headers, tag.as_ref()) {
        return Ok(not_modified(blob));
    }
    let wanted = requested(method, headers, tag.as_ref(), blob.len());
    if request.may_redirect
        && wanted != Wanted::Unsatisfiable
        && let Some(url) = blob.signed_url().await?
    {
        return redirect(url);
    }
    let mut response = whole_or_part(blob, method, wanted).await?;
    if let Some(digest) = repr_digest(blob, headers).await? {
        response.headers_mut().insert(REPR_DIGEST, digest);
    }
    Ok(response)
}

/// Redirects to a signed URL, which is a secret: it is neither shown nor kept. A client asks for its range there
/// again.
fn redirect(url: String) -> Result<Response, ApiError> {
    let location = HeaderValue::try_from(url);
    let mut location = location
        .map_err(|_| ApiError::Internal("The signed URL is no header's value.".to_owned()))?;
    location.set_sensitive(true);
    let no_store = HeaderValue::from_static("no-store");
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, no_store),
    ];
    Ok((StatusCode::FOUND, headers).into_response())
}

async fn whole_or_part(blob: &Blob, method: &Method, wanted: Wanted) -> Result<Response, ApiError> {
    match wanted {
        Wanted::Whole => bytes(blob, method, StatusCode::OK, 0..blob.len()).await,
        Wanted::Unsatisfiable => Err(ApiError::RangeNotSatisfiable { len: blob.len() }),
        Wanted::Part(part) => {
            let value = format!("bytes {}-{}/{}", part.start, part.end - 1, blob.len());
            let mut response = bytes(blob, method, StatusCode::PARTIAL_CONTENT, part).await?;
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(header::CONTENT_RANGE, value);
            }
            Ok(response)
        }
    }
}

fn not_modified(blob: &Blob) -> Response {
    let headers = [
        // The length of the reply to a GET without the condition (RFC 9110, 8.6).
        (header::CONTENT_LENGTH, blob.len().to_string()),
        (header::ETAG, etag(blob)),
    ];
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

/// Returns whether the client already has this file.
fn is_known(headers: &HeaderMap, tag: Option<&ETag>) -> bool {
    let known = headers.typed_get::<IfNoneMatch>();
    tag.zip(known)
        .is_some_and(|(tag, known)| !known.precondition_passes(tag))
}

/// Returns the requested range, or the whole file if the condition of `If-Range` does not hold for it. Only a
/// GET has ranges (RFC 9110, 14.2).
fn requested(method: &Method, headers: &HeaderMap, tag: Option<&ETag>, len: u64) -> Wanted {
    let range = headers.get(header::RANGE);
    let Some(range) = range.and_then(|value| value.to_str().ok()) else {
        return Wanted::Whole;
    };
    let is_meant = match headers.typed_get::<IfRange>() {
        Some(condition) => !condition.is_modified(tag, None),
        // A condition that cannot be parsed does not hold.
        None => !headers.contains_key(header::IF_RANGE),
    };
    if method == Method::GET && is_meant {
        wanted(range, len)
    } else {
        Wanted::Whole
    }
}

// Contract: download.as-sent
async fn bytes(
    blob: &Blob,
    method: &Method,
    status: StatusCode,
    part: Range<u64>,
) -> Result<Response, ApiError> {
    let headers = [
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CONTENT_LENGTH, (part.end - part.start).to_string()),
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::ETAG, etag(blob)),
    ];
    let body = match *method {
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(blob.open(part).await?),
    };
    Ok((status, headers, body).into_response())
}
