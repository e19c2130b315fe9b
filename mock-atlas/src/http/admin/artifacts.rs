//! `/_mock/artifacts` and `/_mock/orphans` delete artifacts and versions, and list those whose file never
//! came.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::extract::{ArtifactPath, Root, VersionPath, whole_number};
use crate::http::json::{OrphanElement, OrphansReply};
use crate::service::Dataset;

/// `DELETE /_mock/artifacts/:username/:name`.
pub(crate) async fn delete(
    dataset: Dataset,
    _: Root,
    ArtifactPath(artifact): ArtifactPath,
) -> Result<StatusCode, ApiError> {
    dataset.catalog().delete_artifact(&artifact)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /_mock/artifacts/:username/:name/:type/:version`.
pub(crate) async fn delete_version(
    dataset: Dataset,
    _: Root,
    path: VersionPath,
) -> Result<StatusCode, ApiError> {
    let number = whole_number(&path.version).ok_or(ApiError::NotFound)?;
    dataset
        .catalog()
        .delete_version(&path.artifact, &path.artifact_type, number)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /_mock/orphans`.
pub(crate) async fn orphans(dataset: Dataset, _: Root) -> Response {
    let orphans = dataset.catalog().orphans();
    Json(OrphansReply {
        orphans: orphans.iter().map(OrphanElement::from).collect(),
    })
    .into_response()
}
