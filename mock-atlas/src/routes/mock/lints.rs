//! What clients should do in another way.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::extract::Root;
use crate::wire::LintsReply;

/// `GET /_mock/lints`.
pub(crate) async fn list(State(atlas): State<Atlas>, _: Root) -> Result<Response, ApiError> {
    let lints = tokio::task::spawn_blocking(move || atlas.witness().lints()).await?;
    Ok(Json(LintsReply { lints }).into_response())
}
