//! Numbers for Prometheus.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::world::World;

/// What Prometheus asks for, and every other reader of its formats understands.
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /_mock/metrics`. Asks for no token, as health: who scrapes has none, and the numbers name
/// no user, no artifact and no path.
pub(crate) async fn show(State(atlas): State<Atlas>, world: World) -> Result<Response, ApiError> {
    let text = atlas.witness().metrics().text(world.store().totals());
    let text = text.map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, FORMAT)], text).into_response())
}
