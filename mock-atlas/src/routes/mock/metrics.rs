//! Numbers for Prometheus.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::task::spawn_blocking;

use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::world::World;

/// What Prometheus asks for, and every other reader of its formats understands.
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /_mock/metrics`. Asks for no token, as health: who scrapes has none, and the numbers name
/// no user, no artifact and no path.
pub(crate) async fn show(State(atlas): State<Atlas>, world: World) -> Result<Response, ApiError> {
    // All versions are looked at, which may be many: nobody is to wait for it, since anybody may ask.
    let totals = spawn_blocking(move || world.store().totals()).await?;
    let text = atlas.witness().metrics().text(totals);
    let text = text.map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, FORMAT)], text).into_response())
}
