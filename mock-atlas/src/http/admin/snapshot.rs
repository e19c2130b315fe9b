//! Sends the dataset as an archive (`/_mock/snapshot`), and replaces it with that of an archive
//! (`/_mock/restore`).

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::http::error::ApiError;
use crate::http::extract::RequireRoot;
use crate::http::state::AppState;
use crate::service::Dataset;
use crate::service::snapshot::{restore as restore_dataset, save};

/// Handles `POST /_mock/snapshot`.
pub(crate) async fn create(dataset: Dataset, _: RequireRoot) -> Result<Response, ApiError> {
    let snapshot = save(&dataset).await?;
    let headers = [
        (header::CONTENT_LENGTH, snapshot.len().to_string()),
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
    ];
    Ok((headers, Body::from_stream(snapshot.parts())).into_response())
}

/// Handles `POST /_mock/restore`. The current dataset stays in use until the archive has been read and
/// validated to its end.
pub(crate) async fn restore(
    State(state): State<AppState>,
    dataset: Dataset,
    _: RequireRoot,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let stream = body.into_data_stream().map_err(io::Error::other);
    let archive = SyncIoBridge::new(StreamReader::new(stream));
    restore_dataset(state.datasets(), &dataset, archive, state.limits()).await?;
    Ok(StatusCode::NO_CONTENT)
}
