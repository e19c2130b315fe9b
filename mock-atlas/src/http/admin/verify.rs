//! `POST /_mock/verify` holds the journal against expectations.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::extract::{Root, Text};
use crate::http::json::VerdictReply;
use crate::http::state::AppState;
use crate::observe::Expectations;

/// `POST /_mock/verify`. Answers 200 whatever the verdict: the question was understood.
pub(crate) async fn verify(
    State(state): State<AppState>,
    _: Root,
    Text(text): Text,
) -> Result<Response, ApiError> {
    let expectations = Expectations::from_json(&text)?;
    // Many expectations of many requests take their time.
    let verdict = tokio::task::spawn_blocking(move || state.observer().verify(&expectations));
    let verdict = verdict.await?;
    Ok(Json(VerdictReply::from(&verdict)).into_response())
}
