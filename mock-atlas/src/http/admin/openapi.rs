//! Shows the description of all endpoints (`/_mock/openapi.json`).

use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::http::openapi;

/// Handles `GET /_mock/openapi.json`, without a token: the description is public.
pub(crate) async fn show() -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        openapi::text(),
    )
        .into_response()
}
