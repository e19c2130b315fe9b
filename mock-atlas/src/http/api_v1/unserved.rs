//! Refuses requests for the parts of Atlas that the emulator does not serve. A 404 would say that such a part
//! exists and is empty: Terraform would conclude that there is no state yet, and create everything anew.

use axum::http::Uri;

use crate::endpoint::Unserved;
use crate::http::error::ApiError;
use crate::http::extract::Authenticated;

/// Handles every method of an unserved path: tells a caller with a valid token which part is missing.
// Contract: silent.not-served
pub(crate) async fn refuse(_: Authenticated, part: Unserved) -> ApiError {
    ApiError::NotServed(part.description())
}

/// Handles paths without a route. A path that is unserved except for extra slashes is refused in the same way:
/// a client whose address ends with a slash sends such paths.
// Contract: auth.unknown-path
pub(crate) async fn refuse_or_not_found(
    member: Result<Authenticated, ApiError>,
    uri: Uri,
) -> ApiError {
    let parts: Vec<&str> = uri
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let path = format!("/{}", parts.join("/"));
    match (Unserved::at(&path), member) {
        (None, _) => ApiError::NotFound,
        (Some(_), Err(refusal)) => refusal,
        (Some(part), Ok(_)) => ApiError::NotServed(part.description()),
    }
}
