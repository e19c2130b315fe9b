//! Uploads: the bytes of a version, on the path that alone authorises them.

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
use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::inject::Discarded;
use crate::store::{Attempt, Blob, BlobWriter, Digest, StoreError};
use crate::wire::EmptyReply;
use crate::witness::Notes;
use crate::world::World;

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
    let blob = take(&atlas, fault, upload, &headers, &notes, &mut body).await?;
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
    let is_again = atlas.world().store().uploaded(upload)?.is_some();
    if atlas.spill().is_none() && !is_again {
        atlas.memory().check(announced.unwrap_or_default())?;
    }
    let received = read(body, atlas, &attempt, is_again).await?;
    notes.has_body(received.digest());
    if let Some(Discarded(refusal)) = fault {
        return Err(ApiError::Fault(refusal));
    }
    // In the world as it is by now: a reset has put away what was there when the upload began.
    let blob = keep(&atlas.world(), upload, received)?;
    notes.is_stored();
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
fn keep(world: &World, upload: Uuid, received: Received) -> Result<Blob, StoreError> {
    match received {
        Received::New(blob) => {
            world.store().finish_upload(upload, blob.clone())?;
            Ok(blob)
        }
        Received::Again(digest) => {
            let stored = world.store().uploaded(upload)?;
            let stored = stored.ok_or(StoreError::NotFound)?;
            if stored.digest() == digest {
                Ok(stored)
            } else {
                Err(StoreError::OtherBytes)
            }
        }
    }
}

/// Dropped halfway, because the connection broke or the limit was reached, the writer takes all it
/// has with it: nothing of an incomplete upload stays.
async fn read(
    body: &mut BodyDataStream,
    atlas: &Atlas,
    attempt: &Attempt,
    is_again: bool,
) -> Result<Received, ApiError> {
    let mut held = Some(atlas.memory().hold());
    let mut writer = BlobWriter::apart();
    while let Some(part) = body.next().await {
        // Others have their turn: a client that sends fast enough never makes this wait.
        yield_now().await;
        let part = part.map_err(|error| {
            ApiError::broken_body(&error, &format!(" after {} bytes", writer.len()))
        })?;
        let sum = writer.len() + part.len() as u64;
        atlas.limits().check_file(sum)?;
        if is_again {
            writer.hash(&part);
            continue;
        }
        if let Some(Err(full)) = held.as_mut().map(|held| held.take(part.len() as u64)) {
            let folder = atlas.spill().ok_or(full)?;
            writer.spill(folder).await.map_err(ApiError::DiskFull)?;
            held = None;
        }
        writer.write(&part);
        writer.hash_on().await?;
        writer.flush().await.map_err(ApiError::DiskFull)?;
        attempt.has_received(writer.len());
    }
    if is_again {
        return Ok(Received::Again(writer.digest()));
    }
    let blob = writer.close().await.map_err(ApiError::DiskFull)?;
    if let Some(held) = held {
        blob.hold(held);
    }
    Ok(Received::New(blob))
}
