//! Deletes artifacts and versions (`/_mock/artifacts`), and lists versions whose file never arrived
//! (`/_mock/orphans`).

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::extract::{ArtifactPath, RequireRoot, VersionPath, whole_number};
use crate::http::json::{OrphanElement, OrphansReply};
use crate::service::{Dataset, artifacts, versions};

/// Handles `DELETE /_mock/artifacts/:username/:name`.
pub(crate) async fn delete(
    dataset: Dataset,
    _: RequireRoot,
    ArtifactPath(artifact): ArtifactPath,
) -> Result<StatusCode, ApiError> {
    artifacts::delete(&dataset, &artifact).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Handles `DELETE /_mock/artifacts/:username/:name/:type/:version`.
pub(crate) async fn delete_version(
    dataset: Dataset,
    _: RequireRoot,
    path: VersionPath,
) -> Result<StatusCode, ApiError> {
    let number = whole_number(&path.version).ok_or(ApiError::NotFound)?;
    versions::delete(&dataset, &path.artifact, &path.artifact_type, number).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Handles `GET /_mock/orphans`.
pub(crate) async fn orphans(dataset: Dataset, _: RequireRoot) -> Result<Response, ApiError> {
    let orphans = versions::orphans(&dataset).await?;
    Ok(Json(OrphansReply {
        orphans: orphans.iter().map(OrphanElement::from).collect(),
    })
    .into_response())
}
