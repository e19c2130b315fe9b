//! Says whether the emulator is ready (`/_mock/health`).

use axum::Json;

use crate::http::error::ApiError;
use crate::http::json::HealthReply;
use crate::service::Dataset;

/// Handles `GET /_mock/health`, without a token. An emulator that still reads a seed does not listen yet; one whose
/// database cannot be reached answers 503 until it can.
pub(crate) async fn show(dataset: Dataset) -> Result<Json<HealthReply>, ApiError> {
    dataset.check_ready().await?;
    // What is stored can be read and deleted while the disk is full, so that the emulator is ready.
    Ok(Json(HealthReply::ready(dataset.has_space().await)))
}
