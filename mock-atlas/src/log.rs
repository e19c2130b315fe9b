//! One line of log for each request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;

/// Logs the route instead of the path, since an upload path authorises whoever reads it, and a
/// query string may hold a token.
pub(crate) async fn requests(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let start = Instant::now();
    let response = next.run(request).await;
    tracing::info!(
        %method,
        route = route.as_ref().map_or("unknown", MatchedPath::as_str),
        status = response.status().as_u16(),
        milliseconds = start.elapsed().as_millis(),
        "answered"
    );
    response
}
