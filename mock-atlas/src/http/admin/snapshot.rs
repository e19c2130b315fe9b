//! `/_mock/snapshot` and `/_mock/restore` send the dataset as one archive, and replace it by one.

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::http::error::ApiError;
use crate::http::extract::Root;
use crate::http::state::AppState;
use crate::service::Dataset;
use crate::service::snapshot::{Snapshot, read};

/// `POST /_mock/snapshot`.
pub(crate) async fn create(dataset: Dataset, _: Root) -> Result<Response, ApiError> {
    let internal = |error: io::Error| ApiError::Internal(error.to_string());
    // All that there is but files, which may be much, is copied and written as JSON.
    let snapshot = tokio::task::spawn_blocking(move || Snapshot::of(&dataset)).await?;
    let snapshot = snapshot.map_err(internal)?;
    let headers = [
        (header::CONTENT_LENGTH, snapshot.len().to_string()),
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
    ];
    Ok((headers, Body::from_stream(snapshot.parts())).into_response())
}

/// `POST /_mock/restore`. The present dataset goes on until the archive is read to its end and found
/// to be good.
pub(crate) async fn restore(
    State(state): State<AppState>,
    dataset: Dataset,
    _: Root,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let limits = state.limits();
    let stream = body.into_data_stream().map_err(io::Error::other);
    let mut archive = SyncIoBridge::new(StreamReader::new(stream));
    // On a thread that may block, as reading an archive does.
    let restored =
        tokio::task::spawn_blocking(move || read(&mut archive, &dataset, limits)).await?;
    state.replace(restored?);
    Ok(StatusCode::NO_CONTENT)
}
