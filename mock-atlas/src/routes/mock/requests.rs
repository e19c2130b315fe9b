//! The journal of requests.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::atlas::Atlas;
use crate::extract::{RequestsQuery, Root};
use crate::wire::RequestsReply;

/// `GET /_mock/requests`.
pub(crate) async fn list(
    State(atlas): State<Atlas>,
    _: Root,
    RequestsQuery(filter): RequestsQuery,
) -> Response {
    let page = atlas.witness().journal().page();
    let requests = page.requests.iter();
    Json(RequestsReply {
        requests: requests.filter(|one| filter.accepts(one)).collect(),
        forgotten: page.forgotten,
    })
    .into_response()
}

/// `DELETE /_mock/requests`.
pub(crate) async fn clear(State(atlas): State<Atlas>, _: Root) -> StatusCode {
    atlas.witness().journal().clear();
    StatusCode::NO_CONTENT
}
