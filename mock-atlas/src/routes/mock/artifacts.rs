//! Artifacts and versions: deleting them, and finding those whose file never came.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::extract::{ArtifactPath, Root, VersionPath, whole_number};
use crate::wire::{OrphanElement, OrphansReply};
use crate::world::World;

/// `DELETE /_mock/artifacts/:username/:name`.
pub(crate) async fn delete(
    world: World,
    _: Root,
    ArtifactPath(artifact): ArtifactPath,
) -> Result<StatusCode, ApiError> {
    world.store().delete_artifact(&artifact)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /_mock/artifacts/:username/:name/:type/:version`.
pub(crate) async fn delete_version(
    world: World,
    _: Root,
    path: VersionPath,
) -> Result<StatusCode, ApiError> {
    let number = whole_number(&path.version).ok_or(ApiError::NotFound)?;
    world
        .store()
        .delete_version(&path.artifact, &path.artifact_type, number)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /_mock/orphans`.
pub(crate) async fn orphans(world: World, _: Root) -> Response {
    let orphans = world.store().orphans();
    Json(OrphansReply {
        orphans: orphans.iter().map(OrphanElement::from).collect(),
    })
    .into_response()
}
