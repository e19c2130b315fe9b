//! The style sheet, the script and the icon of the pages, which are compiled into the program.

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::page::protect;
use crate::http::error::ApiError;

/// Handles `GET /_mock/pages/assets/:file`.
pub(crate) async fn send(Path(file): Path<String>) -> Response {
    let (kind, text) = match file.as_str() {
        "style.css" => ("text/css; charset=utf-8", include_str!("assets/style.css")),
        "page.js" => (
            "text/javascript; charset=utf-8",
            include_str!("assets/page.js"),
        ),
        "icon.svg" => ("image/svg+xml", include_str!("assets/icon.svg")),
        _ => return ApiError::NotFound.into_response(),
    };
    let mut response = protect(([(header::CONTENT_TYPE, kind)], text).into_response());
    // Another version of the program has other files at the same addresses.
    let minutes = HeaderValue::from_static("max-age=300");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, minutes);
    response
}
