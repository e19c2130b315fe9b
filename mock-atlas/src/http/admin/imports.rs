//! Imports versions and boxes as they were elsewhere (`/_mock/artifacts`, `/_mock/boxes`), and lists the contents of
//! this Atlas (`/_mock/contents`), from which they can be exported.

use std::convert::Infallible;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use crate::http::error::ApiError;
use crate::http::extract::{ArtifactPath, RequireRoot, VersionPath, whole_number};
use crate::http::json::ImportReply;
use crate::http::state::AppState;
use crate::service::{Dataset, Incoming, contents, imports};

/// Handles `PUT /_mock/artifacts/:username/:name/:type/:version`.
pub(crate) async fn version(
    State(state): State<AppState>,
    dataset: Dataset,
    _: RequireRoot,
    path: VersionPath,
    body: Body,
) -> Result<Json<ImportReply>, ApiError> {
    let number = whole_number(&path.version).ok_or(ApiError::NotFound)?;
    let name = (path.artifact, path.artifact_type, number);
    let body = Incoming::new(body.into_data_stream());
    let within = (state.uploads(), state.limits());
    let imported = imports::version(&dataset, within, name, body).await?;
    Ok(Json(imported.into()))
}

/// Handles `PUT /_mock/boxes/:username/:name`.
pub(crate) async fn vagrant_box(
    State(state): State<AppState>,
    dataset: Dataset,
    _: RequireRoot,
    ArtifactPath(name): ArtifactPath,
    body: Body,
) -> Result<Json<ImportReply>, ApiError> {
    let body = Incoming::new(body.into_data_stream());
    let within = (state.uploads(), state.limits());
    let imported = imports::vagrant_box(&dataset, within, &name, body).await?;
    Ok(Json(imported.into()))
}

/// Handles `GET /_mock/contents`.
pub(crate) async fn list(dataset: Dataset, _: RequireRoot) -> Result<Response, ApiError> {
    let lines = contents::lines(&dataset).await?;
    let lines = stream::iter(lines.map(Ok::<_, Infallible>));
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(lines)).into_response())
}
