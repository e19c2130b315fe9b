//! `GET /_mock/lints` lists what clients should do in another way.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::extract::Root;
use crate::http::json::LintsReply;
use crate::http::state::AppState;

/// `GET /_mock/lints`.
pub(crate) async fn list(State(state): State<AppState>, _: Root) -> Result<Response, ApiError> {
    let lints = tokio::task::spawn_blocking(move || state.observer().lints()).await?;
    Ok(Json(LintsReply { lints }).into_response())
}
