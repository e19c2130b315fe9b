//! Receives the file of a version or of a box, on a path that authorises the upload by itself.

use axum::Extension;
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use headers::{ContentLength, HeaderMapExt};

use super::download::etag;
use crate::http::context::{DiscardUpload, RequestContext};
use crate::http::error::ApiError;
use crate::http::json::EmptyReply;
use crate::http::state::AppState;
use crate::service::uploads::{UploadEvent, UploadRequest};

/// Handles `PUT` to an `upload_path`. It requires no token and ignores any query string (contract: Versions).
// Contract: uploads.path-authorises, uploads.sized, silent.upload-reply
// Contract: boxes.upload-continue, boxes.upload-typed
pub(crate) async fn receive(
    State(state): State<AppState>,
    fault: Option<Extension<DiscardUpload>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    context: RequestContext,
    body: Body,
) -> Result<Response, ApiError> {
    let upload = path.ok().and_then(|Path(upload)| upload.parse().ok());
    let request = UploadRequest {
        upload: upload.ok_or(ApiError::NotFound)?,
        announced: headers.typed_get().map(|ContentLength(length)| length),
        is_partial: headers.contains_key(header::CONTENT_RANGE),
        keep: fault.is_none(),
    };
    let tell = |event: UploadEvent| match event {
        UploadEvent::Target(slug) => context.set_version(slug, false),
        UploadEvent::Received(digest) => context.set_digest(digest),
        UploadEvent::Stored => context.set_stored(),
        UploadEvent::Findings(findings) => context.set_findings(findings),
    };
    let body = body.into_data_stream();
    let uploads = state.uploads();
    let stored = uploads
        .receive(state.datasets(), request, body, tell)
        .await?;
    match (stored, fault) {
        (Some(blob), _) => Ok(([(header::ETAG, etag(&blob))], Json(EmptyReply {})).into_response()),
        (None, Some(Extension(DiscardUpload(reply)))) => Err(ApiError::Fault(reply)),
        (None, None) => Err(ApiError::NotFound),
    }
}
