//! What clients should do in another way.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::atlas::Atlas;
use crate::extract::Root;
use crate::wire::LintsReply;

/// `GET /_mock/lints`.
pub(crate) async fn list(State(atlas): State<Atlas>, _: Root) -> Response {
    let lints = atlas.witness().lints();
    Json(LintsReply { lints }).into_response()
}
