//! Lists the lints, the mistakes that clients made (`/_mock/lints`).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::extract::RequireRoot;
use crate::http::json::LintsReply;
use crate::http::state::AppState;

/// Handles `GET /_mock/lints`.
pub(crate) async fn list(
    State(state): State<AppState>,
    _: RequireRoot,
) -> Result<Response, ApiError> {
    let lints = tokio::task::spawn_blocking(move || state.observer().lints()).await?;
    Ok(Json(LintsReply { lints }).into_response())
}
