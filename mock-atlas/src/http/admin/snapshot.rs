//! Sends the dataset as an archive (`/_mock/snapshot`), and replaces it with that of an archive
//! (`/_mock/restore`).

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;

use crate::http::error::ApiError;
use crate::http::extract::{RequireRoot, read_body};
use crate::http::state::AppState;
use crate::service::Dataset;
use crate::service::snapshot::{Bounds, Earlier, restore as restore_dataset, save};

/// The largest size in bytes of a list of digests. It is enough for as many files as a manifest can name.
const MOST_OF_DIGESTS: usize = 128 * 1024 * 1024;

/// Handles `POST /_mock/snapshot`. A body has the digests of the files that are left out, one on each line.
pub(crate) async fn create(
    dataset: Dataset,
    _: RequireRoot,
    body: Body,
) -> Result<Response, ApiError> {
    let earlier = Earlier::read(&read_body(body, MOST_OF_DIGESTS).await?)?;
    let snapshot = save(&dataset, earlier).await?;
    let headers = [
        (header::CONTENT_LENGTH, snapshot.len().to_string()),
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
    ];
    let parts = snapshot.parts().inspect_err(|error| {
        // The status is sent already: the client sees only that the archive breaks off.
        tracing::error!(%error, "a backup broke off");
    });
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// Handles `POST /_mock/restore`. The current dataset stays in use until the archive has been read and
/// validated to its end.
pub(crate) async fn restore(
    State(state): State<AppState>,
    dataset: Dataset,
    _: RequireRoot,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let bounds = Bounds {
        present: &dataset,
        uploads: state.uploads(),
        limits: state.limits(),
    };
    restore_dataset(state.datasets(), bounds, body.into_data_stream()).await?;
    Ok(StatusCode::NO_CONTENT)
}
