//! Creates artifacts and shows them.

use axum::Json;
use axum::response::{IntoResponse, Response};

use crate::domain::{ArtifactName, Caller, Name};
use crate::http::error::ApiError;
use crate::http::extract::{ArtifactPath, Authenticated, Params, Section};
use crate::http::json::ArtifactReply;
use crate::service::{Dataset, artifacts};

/// Handles `POST /artifacts`.
// Contract: artifacts.create, artifacts.create-status
pub(crate) async fn create(
    dataset: Dataset,
    Authenticated(account): Authenticated,
    params: Params,
) -> Result<Response, ApiError> {
    let section = params.section("artifact")?;
    let artifact = ArtifactName {
        username: name(&section, "username")?,
        name: name(&section, "name")?,
    };
    artifacts::create(&dataset, &account, &artifact).await?;
    Ok(Json(ArtifactReply::from(&artifact)).into_response())
}

/// Handles `GET /artifacts/:username/:name`.
// Contract: artifacts.get
pub(crate) async fn show(
    dataset: Dataset,
    caller: Caller,
    ArtifactPath(artifact): ArtifactPath,
) -> Result<Response, ApiError> {
    artifacts::find(&dataset, &caller, &artifact).await?;
    Ok(Json(ArtifactReply::from(&artifact)).into_response())
}

fn name(section: &Section<'_>, key: &str) -> Result<Name, ApiError> {
    let text = section.required_text(key)?;
    text.parse()
        .map_err(|error| ApiError::bad_name(&format!("artifact[{key}]"), &error))
}
