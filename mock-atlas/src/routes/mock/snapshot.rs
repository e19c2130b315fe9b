//! Everything as one archive, and back.

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::extract::Root;
use crate::snapshot::{Snapshot, read};
use crate::world::World;

/// `POST /_mock/snapshot`.
pub(crate) async fn create(world: World, _: Root) -> Result<Response, ApiError> {
    let internal = |error: io::Error| ApiError::Internal(error.to_string());
    // All that there is but files, which may be much, is copied and written as JSON.
    let snapshot = tokio::task::spawn_blocking(move || Snapshot::of(&world)).await?;
    let snapshot = snapshot.map_err(internal)?;
    let headers = [
        (header::CONTENT_LENGTH, snapshot.len().to_string()),
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
    ];
    Ok((headers, Body::from_stream(snapshot.parts())).into_response())
}

/// `POST /_mock/restore`. The present world goes on until the archive is read to its end and found
/// to be good.
pub(crate) async fn restore(
    State(atlas): State<Atlas>,
    world: World,
    _: Root,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let limits = atlas.limits();
    let stream = body.into_data_stream().map_err(io::Error::other);
    let mut archive = SyncIoBridge::new(StreamReader::new(stream));
    // On a thread that may block, as reading an archive does.
    let restored = tokio::task::spawn_blocking(move || read(&mut archive, &world, limits)).await?;
    atlas.replace(restored?);
    Ok(StatusCode::NO_CONTENT)
}
