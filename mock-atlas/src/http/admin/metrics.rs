//! `GET /_mock/metrics` answers numbers for Prometheus.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::service::Dataset;

/// What Prometheus asks for, and every other reader of its formats understands.
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /_mock/metrics`. Asks for no token, as health: who scrapes has none, and the numbers name
/// no user, no artifact and no path.
pub(crate) async fn show(
    State(state): State<AppState>,
    dataset: Dataset,
) -> Result<Response, ApiError> {
    let totals = dataset.totals().await?;
    let text = state.observer().metrics().text(totals);
    let text = text.map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, FORMAT)], text).into_response())
}
