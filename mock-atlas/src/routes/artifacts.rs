//! Artifacts: making one, and looking whether one is there.

use axum::Json;
use axum::response::{IntoResponse, Response};

use crate::access::Caller;
use crate::error::ApiError;
use crate::extract::{ArtifactPath, Member, Params, Section};
use crate::names::{ArtifactName, Name};
use crate::store::Visibility;
use crate::wire::ArtifactReply;
use crate::world::World;

/// `POST /artifacts`.
pub(crate) async fn create(
    world: World,
    Member(account): Member,
    params: Params,
) -> Result<Response, ApiError> {
    let section = params.section("artifact")?;
    let artifact = ArtifactName {
        username: name(&section, "username")?,
        name: name(&section, "name")?,
    };
    world.check_write(&account, &artifact)?;
    world
        .store()
        .create_artifact(&artifact, Visibility::Private)?;
    Ok(Json(ArtifactReply::from(&artifact)).into_response())
}

/// `GET /artifacts/:username/:name`.
pub(crate) async fn show(
    world: World,
    caller: Caller,
    ArtifactPath(artifact): ArtifactPath,
) -> Result<Response, ApiError> {
    world.check_read(&caller, &artifact)?;
    Ok(Json(ArtifactReply::from(&artifact)).into_response())
}

fn name(section: &Section<'_>, key: &str) -> Result<Name, ApiError> {
    let text = section.required_text(key)?;
    text.parse()
        .map_err(|error| ApiError::bad_name(&format!("artifact[{key}]"), &error))
}
