//! Whether clients asked what was expected of them.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::extract::{Root, Text};
use crate::wire::VerdictReply;
use crate::witness::Expectations;

/// `POST /_mock/verify`. Answers 200 whatever the verdict: the question was understood.
pub(crate) async fn verify(
    State(atlas): State<Atlas>,
    _: Root,
    Text(text): Text,
) -> Result<Response, ApiError> {
    let expectations = Expectations::from_json(&text)?;
    // Many expectations of many requests take their time.
    let verdict = tokio::task::spawn_blocking(move || atlas.witness().verify(&expectations));
    let verdict = verdict.await?;
    Ok(Json(VerdictReply::from(&verdict)).into_response())
}
