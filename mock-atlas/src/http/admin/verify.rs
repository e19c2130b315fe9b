//! Compares the journal with expectations (`/_mock/verify`).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::extract::{RequireRoot, Text};
use crate::http::json::VerdictReply;
use crate::http::state::AppState;
use crate::observe::Expectations;

/// Handles `POST /_mock/verify`. It answers 200 whatever the verdict, since the request itself succeeded.
pub(crate) async fn verify(
    State(state): State<AppState>,
    _: RequireRoot,
    Text(text): Text,
) -> Result<Response, ApiError> {
    let expectations = Expectations::from_json(&text)?;
    // Comparing many requests with many expectations takes a while, which must not block the runtime.
    let verdict = tokio::task::spawn_blocking(move || state.observer().verify(&expectations));
    let verdict = verdict.await?;
    Ok(Json(VerdictReply::from(&verdict)).into_response())
}
