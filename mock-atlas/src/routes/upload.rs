//! Uploads: the bytes of a version, on the path that alone authorises them.

use std::time::Duration;

use axum::Extension;
use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use headers::{ContentLength, HeaderMapExt};
use uuid::Uuid;

use super::download::etag;
use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::inject::Discarded;
use crate::store::{Attempt, Blob, BlobWriter};
use crate::wire::EmptyReply;
use crate::witness::Notes;

/// Where uploads go: outside of the API, as Atlas had a host of its own for them.
pub(crate) const ROUTE: &str = "/_binstore/{upload}";

/// The path of an upload. It authorises whoever knows it, so it holds what cannot be guessed.
pub(crate) fn path(upload: Uuid) -> String {
    format!("/_binstore/{upload}")
}

/// The upload that a path belongs to, if there is one of this name.
pub(crate) fn named_by(path: &str) -> Option<Uuid> {
    path.strip_prefix("/_binstore/")?.parse().ok()
}

/// `PUT` to an `upload_path`. Asks for no token and ignores any query string (contract: Versions).
pub(crate) async fn receive(
    State(atlas): State<Atlas>,
    fault: Option<Extension<Discarded>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    notes: Notes,
    body: Body,
) -> Result<Response, ApiError> {
    let upload = path.ok().and_then(|Path(upload)| upload.parse().ok());
    let mut body = body.into_data_stream();
    let fault = fault.map(|Extension(fault)| fault);
    let taken = take(&atlas, fault, upload, &headers, &notes, &mut body).await;
    if taken.is_err() {
        discard(&headers, &mut body).await;
    }
    let blob = taken?;
    Ok(([(header::ETAG, etag(&blob))], Json(EmptyReply {})).into_response())
}

async fn take(
    atlas: &Atlas,
    fault: Option<Discarded>,
    upload: Option<Uuid>,
    headers: &HeaderMap,
    notes: &Notes,
    body: &mut BodyDataStream,
) -> Result<Blob, ApiError> {
    let upload = upload.ok_or(ApiError::NotFound)?;
    let _admitted = atlas.admit_upload()?;
    if let Some((artifact, artifact_type, number)) = atlas.world().store().version_of(upload) {
        notes.is_of(&artifact, &artifact_type, number, false);
    }
    let announced = headers.typed_get().map(|ContentLength(length)| length);
    let attempt = atlas.world().store().begin_upload(upload, announced)?;
    // A part would pass for the whole (RFC 9110, 14.5).
    if headers.contains_key(header::CONTENT_RANGE) {
        let message = "An upload is sent whole: a Content-Range is not taken.";
        return Err(ApiError::Malformed(message.to_owned()));
    }
    atlas.limits().check_file(announced.unwrap_or_default())?;
    if atlas.spill().is_none() {
        atlas.memory().check(announced.unwrap_or_default())?;
    }
    let blob = read(body, atlas, &attempt).await?;
    notes.has_body(blob.digest());
    if let Some(Discarded(refusal)) = fault {
        return Err(ApiError::Fault(refusal));
    }
    // In the world as it is by now: a reset has put away what was there when the upload began.
    atlas.world().store().finish_upload(upload, blob.clone())?;
    notes.is_stored();
    Ok(blob)
}

/// Dropped halfway, because the connection broke or the limit was reached, the writer takes all it
/// has with it: nothing of an incomplete upload stays.
async fn read(
    body: &mut BodyDataStream,
    atlas: &Atlas,
    attempt: &Attempt,
) -> Result<Blob, ApiError> {
    let mut held = Some(atlas.memory().hold());
    let mut writer = BlobWriter::default();
    while let Some(part) = body.next().await {
        let part = part.map_err(|error| {
            ApiError::broken_body(&error, &format!(" after {} bytes", writer.len()))
        })?;
        let sum = writer.len() + part.len() as u64;
        atlas.limits().check_file(sum)?;
        if let Some(Err(full)) = held.as_mut().map(|held| held.take(part.len() as u64)) {
            let folder = atlas.spill().ok_or(full)?;
            writer.spill(folder).await.map_err(ApiError::DiskFull)?;
            held = None;
        }
        writer.write(&part);
        writer.flush().await.map_err(ApiError::DiskFull)?;
        attempt.has_received(writer.len());
    }
    let blob = writer.close().await.map_err(ApiError::DiskFull)?;
    if let Some(held) = held {
        blob.hold(held);
    }
    Ok(blob)
}

/// Reads on for a while after a request was refused. Closing a connection while its client still
/// writes makes the kernel reset it, and the client never sees why it was refused. A client that
/// waits to be told to go on (`Expect: 100-continue`) does not need this, and reading would tell
/// it to go on.
pub(crate) async fn discard(headers: &HeaderMap, body: &mut BodyDataStream) {
    const MOST: usize = 64 * 1024 * 1024;
    const LONGEST: Duration = Duration::from_secs(2);
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let read = async {
        let mut len = 0;
        while let Some(Ok(part)) = body.next().await {
            len += part.len();
            if len > MOST {
                break;
            }
        }
    };
    // Whether it ended in time makes no difference.
    let _ = tokio::time::timeout(LONGEST, read).await;
}
