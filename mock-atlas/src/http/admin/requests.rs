//! Lists and clears the journal of requests (`/_mock/requests`).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::extract::{RequestsQuery, RequireRoot};
use crate::http::json::RequestsReply;
use crate::http::state::AppState;

/// Handles `GET /_mock/requests`.
pub(crate) async fn list(
    State(state): State<AppState>,
    _: RequireRoot,
    RequestsQuery(filter): RequestsQuery,
) -> Response {
    let page = state.observer().journal().page();
    let requests = page.requests.iter();
    Json(RequestsReply {
        requests: requests.filter(|one| filter.accepts(one)).collect(),
        forgotten: page.forgotten,
    })
    .into_response()
}

/// Handles `DELETE /_mock/requests`.
pub(crate) async fn clear(State(state): State<AppState>, _: RequireRoot) -> StatusCode {
    state.observer().journal().clear();
    StatusCode::NO_CONTENT
}
