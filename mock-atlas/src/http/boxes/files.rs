//! Sends the files of boxes, and redirects from their lasting addresses to them.

use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::http::api_v1::download;
use crate::http::api_v1::range::begins_at_end;
use crate::http::error::ApiError;
use crate::http::extract::{BoxFilePath, FileRequest, PublicReader, Site};
use crate::http::json::download_url;
use crate::service::boxes::BoxFile;
use crate::service::{Dataset, boxes};

/// Handles `GET` and `HEAD` of the lasting address of a provider's file: redirects to the file, here or on another
/// server. The query goes along, since it may hold the token.
// Contract: boxes.download, boxes.external
pub(crate) async fn find(
    dataset: Dataset,
    PublicReader(caller): PublicReader,
    site: Site,
    BoxFilePath { name, place, .. }: BoxFilePath,
    method: Method,
    uri: Uri,
) -> Result<Response, ApiError> {
    let (provider, file) = boxes::file(&dataset, &caller, &name, &place).await?;
    let to = match file {
        BoxFile::Hosted(_) => {
            let url = download_url(&site, &name, &place.version, &provider);
            match uri.query() {
                Some(query) => format!("{url}?{query}"),
                None => url,
            }
        }
        BoxFile::External(url) => {
            if method == Method::GET {
                boxes::count_download(&dataset, &name).await;
            }
            url
        }
    };
    Ok((StatusCode::FOUND, [(header::LOCATION, to)]).into_response())
}

/// Handles `GET` and `HEAD` of a file that is stored here. Behind an address there are never other bytes: that of
/// a replaced file is no longer found.
// Contract: boxes.download-range, boxes.download-range-at-end, boxes.download-private
pub(crate) async fn send(
    dataset: Dataset,
    PublicReader(caller): PublicReader,
    BoxFilePath {
        name,
        place,
        digest,
    }: BoxFilePath,
    mut request: FileRequest,
) -> Result<Response, ApiError> {
    let (provider, file) = boxes::file(&dataset, &caller, &name, &place).await?;
    let is_asked = provider
        .hosted()
        .is_some_and(|hosted| Some(&hosted.sha256) == digest.as_ref());
    let BoxFile::Hosted(blob) = file else {
        return Err(ApiError::NotFound);
    };
    if !is_asked {
        return Err(ApiError::NotFound);
    }
    if ranges_from_end(&request.headers, blob.len()) {
        request.headers.remove(header::RANGE);
        // A bucket would answer 416.
        request.may_redirect = false;
    }
    let reply = download::reply(&blob, &request).await?;
    if is_whole(&request, reply.status()) {
        boxes::count_download(&dataset, &name).await;
    }
    Ok(reply)
}

/// Returns whether a reply sends the whole file, or redirects to it.
fn is_whole(request: &FileRequest, status: StatusCode) -> bool {
    match status {
        StatusCode::OK => request.method == Method::GET,
        StatusCode::FOUND => !request.headers.contains_key(header::RANGE),
        _ => false,
    }
}

/// Returns whether a request asks for what follows the last byte, as Vagrant does that has the whole file already.
/// It fails on a 416, and goes on after a 200 with the whole file.
fn ranges_from_end(headers: &HeaderMap, len: u64) -> bool {
    let range = headers.get(header::RANGE);
    range
        .and_then(|range| range.to_str().ok())
        .is_some_and(|range| begins_at_end(range, len))
}
