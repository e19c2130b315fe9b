//! `GET /_mock/health` says that the emulator is ready.

use axum::Json;

use crate::http::json::HealthReply;

/// `GET /_mock/health`: asks for no token. What is not ready, because a seed is still read say,
/// does not listen yet.
pub(crate) async fn show() -> Json<HealthReply> {
    Json(HealthReply::READY)
}
