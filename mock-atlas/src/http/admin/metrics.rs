//! Shows the metrics for Prometheus (`/_mock/metrics`).

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::service::Dataset;

/// The Content-Type of OpenMetrics, the format that Prometheus requests.
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Handles `GET /_mock/metrics`, without a token: a scraper has none, and the metrics name no user, no
/// artifact and no path.
pub(crate) async fn show(
    State(state): State<AppState>,
    dataset: Dataset,
) -> Result<Response, ApiError> {
    let totals = dataset.totals().await?;
    let free_bytes = dataset.free_space().await;
    let text = state.observer().metrics().text(totals, free_bytes);
    let text = text.map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, FORMAT)], text).into_response())
}
