//! Says that the emulator is ready (`/_mock/health`).

use axum::Json;

use crate::http::json::HealthReply;

/// Handles `GET /_mock/health`, without a token. An emulator that is not ready, for example because it still
/// reads a seed, does not listen yet.
pub(crate) async fn show() -> Json<HealthReply> {
    Json(HealthReply::READY)
}
