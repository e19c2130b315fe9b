//! Uploads: `PUT` takes the bytes of a version, on the path that alone authorises them.

use axum::Extension;
use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use headers::{ContentLength, HeaderMapExt};
use tokio::task::yield_now;
use uuid::Uuid;

use super::download::etag;
use crate::domain::Digest;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::json::EmptyReply;
use crate::http::middleware::fault_injection::DiscardUpload;
use crate::http::state::AppState;
use crate::service::Dataset;
use crate::storage::{Blob, BlobWriter, StorageError, UploadAttempt};

/// Where uploads go: outside of the API, as Atlas had a host of its own for them.
pub(crate) const ROUTE: &str = "/_binstore/{upload}";

/// The path of an upload. It authorises whoever knows it, so it holds what cannot be guessed.
pub(crate) fn path(upload: Uuid) -> String {
    let mut name = Uuid::encode_buffer();
    ["/_binstore/", upload.hyphenated().encode_lower(&mut name)].concat()
}

/// The upload that a path belongs to, if there is one of this name.
pub(crate) fn named_by(path: &str) -> Option<Uuid> {
    path.strip_prefix("/_binstore/")?.parse().ok()
}

/// `PUT` to an `upload_path`. Asks for no token and ignores any query string (contract: Versions).
// Contract: uploads.path-authorises, uploads.sized, silent.upload-reply
pub(crate) async fn receive(
    State(state): State<AppState>,
    fault: Option<Extension<DiscardUpload>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    context: RequestContext,
    body: Body,
) -> Result<Response, ApiError> {
    let upload = path.ok().and_then(|Path(upload)| upload.parse().ok());
    let mut body = body.into_data_stream();
    let fault = fault.map(|Extension(fault)| fault);
    let blob = take(&state, fault, upload, &headers, &context, &mut body).await?;
    Ok(([(header::ETAG, etag(&blob))], Json(EmptyReply {})).into_response())
}

// Contract: silent.wrong-uploads
async fn take(
    state: &AppState,
    fault: Option<DiscardUpload>,
    upload: Option<Uuid>,
    headers: &HeaderMap,
    context: &RequestContext,
    body: &mut BodyDataStream,
) -> Result<Blob, ApiError> {
    let upload = upload.ok_or(ApiError::NotFound)?;
    let _admitted = state.admit_upload()?;
    if let Some((artifact, artifact_type, number)) = state.dataset().catalog().version_of(upload) {
        context.set_version(&artifact, &artifact_type, number, false);
    }
    let announced = headers.typed_get().map(|ContentLength(length)| length);
    let attempt = state.dataset().catalog().begin_upload(upload, announced)?;
    // A part would pass for the whole (RFC 9110, 14.5).
    if headers.contains_key(header::CONTENT_RANGE) {
        let message = "An upload is sent whole: a Content-Range is not taken.";
        return Err(ApiError::Malformed(message.to_owned()));
    }
    state.limits().check_file(announced.unwrap_or_default())?;
    let is_again = state.dataset().catalog().uploaded(upload)?.is_some();
    if state.spill().is_none() && !is_again {
        state.memory().check(announced.unwrap_or_default())?;
    }
    let received = read(body, state, &attempt, is_again).await?;
    context.set_digest(received.digest());
    if let Some(DiscardUpload(refusal)) = fault {
        return Err(ApiError::Fault(refusal));
    }
    // In the dataset as it is by now: a reset has put away what was there when the upload began.
    let blob = keep(&state.dataset(), upload, received)?;
    context.set_stored();
    Ok(blob)
}

/// What came of an upload.
enum Received {
    New(Blob),
    /// Bytes for a version that has its file already: they take no room, since they are either the
    /// same or refused.
    Again(Digest),
}

impl Received {
    fn digest(&self) -> Digest {
        match self {
            Self::New(blob) => blob.digest(),
            Self::Again(digest) => *digest,
        }
    }
}

/// Gives the version its file, or sees that it has it.
fn keep(dataset: &Dataset, upload: Uuid, received: Received) -> Result<Blob, StorageError> {
    match received {
        Received::New(blob) => {
            dataset.catalog().finish_upload(upload, blob.clone())?;
            Ok(blob)
        }
        Received::Again(digest) => {
            let stored = dataset.catalog().uploaded(upload)?;
            let stored = stored.ok_or(StorageError::NotFound)?;
            if stored.digest() == digest {
                Ok(stored)
            } else {
                Err(StorageError::OtherBytes)
            }
        }
    }
}

/// Dropped halfway, because the connection broke or the limit was reached, the writer takes all it
/// has with it: nothing of an incomplete upload stays.
// Contract: uploads.chunked, uploads.half-hidden
async fn read(
    body: &mut BodyDataStream,
    state: &AppState,
    attempt: &UploadAttempt,
    is_again: bool,
) -> Result<Received, ApiError> {
    let mut reservation = Some(state.memory().reservation());
    let mut writer = BlobWriter::parallel();
    while let Some(part) = body.next().await {
        // Others have their turn: a client that sends fast enough never makes this wait.
        yield_now().await;
        let part = part.map_err(|error| {
            ApiError::broken_body(&error, &format!(" after {} bytes", writer.len()))
        })?;
        let sum = writer.len() + part.len() as u64;
        state.limits().check_file(sum)?;
        if is_again {
            writer.hash(&part);
            continue;
        }
        if let Some(Err(full)) = reservation
            .as_mut()
            .map(|reservation| reservation.reserve(part.len() as u64))
        {
            let folder = state.spill().ok_or(full)?;
            writer.spill(folder).await.map_err(ApiError::DiskFull)?;
            reservation = None;
        }
        writer.write(&part);
        writer.hash_in_parallel().await?;
        writer.flush().await.map_err(ApiError::DiskFull)?;
        attempt.set_received(writer.len());
    }
    if is_again {
        return Ok(Received::Again(writer.digest()));
    }
    let blob = writer.close().await.map_err(ApiError::DiskFull)?;
    if let Some(reservation) = reservation {
        blob.attach(reservation);
    }
    Ok(Received::New(blob))
}
