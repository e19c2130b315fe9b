//! Shows and sets channels (`/_mock/channels`). Unlike the rest of the emulator's own API, these calls are for
//! everybody who may read the artifact, or write to it.

use axum::Json;
use axum::http::StatusCode;

use crate::domain::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{ArtifactPath, Authenticated, ChannelPath, Params};
use crate::http::json::{ChannelReply, ChannelsReply};
use crate::service::{Dataset, channels};

/// Handles `GET /_mock/channels/:username/:name`.
pub(crate) async fn list(
    dataset: Dataset,
    caller: Caller,
    ArtifactPath(artifact): ArtifactPath,
) -> Result<Json<ChannelsReply>, ApiError> {
    let found = channels::list(&dataset, &caller, &artifact).await?;
    Ok(Json(ChannelsReply::new(&artifact, &found)))
}

/// Handles `GET /_mock/channels/:username/:name/:type/:channel`. The history names users, so that it is only for
/// whoever has a token.
pub(crate) async fn show(
    dataset: Dataset,
    Authenticated(account): Authenticated,
    ChannelPath(place): ChannelPath,
) -> Result<Json<ChannelReply>, ApiError> {
    let channel = channels::show(&dataset, &Caller::Known(account), &place).await?;
    Ok(Json(ChannelReply::new(&place, &channel)))
}

/// Handles `PUT /_mock/channels/:username/:name/:type/:channel`.
pub(crate) async fn set(
    dataset: Dataset,
    Authenticated(account): Authenticated,
    ChannelPath(place): ChannelPath,
    params: Params,
) -> Result<Json<ChannelReply>, ApiError> {
    let version = || version(&params);
    let channel = channels::set(&dataset, &account, &place, version).await?;
    Ok(Json(ChannelReply::new(&place, &channel)))
}

fn version(params: &Params) -> Result<u64, ApiError> {
    let section = params.section("channel")?;
    section.integer("version")?.ok_or_else(|| {
        let label = section.label("version");
        ApiError::Invalid(format!("{label} parameter is required!"))
    })
}

/// Handles `POST /_mock/channels/:username/:name/:type/:channel/rollback`.
pub(crate) async fn roll_back(
    dataset: Dataset,
    Authenticated(account): Authenticated,
    ChannelPath(place): ChannelPath,
) -> Result<Json<ChannelReply>, ApiError> {
    let channel = channels::roll_back(&dataset, &account, &place).await?;
    Ok(Json(ChannelReply::new(&place, &channel)))
}

/// Handles `DELETE /_mock/channels/:username/:name/:type/:channel`.
pub(crate) async fn remove(
    dataset: Dataset,
    Authenticated(account): Authenticated,
    ChannelPath(place): ChannelPath,
) -> Result<StatusCode, ApiError> {
    channels::remove(&dataset, &account, &place).await?;
    Ok(StatusCode::NO_CONTENT)
}
