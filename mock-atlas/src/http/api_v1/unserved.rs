//! Refuses requests for what Atlas had and this emulator does not have. A 404 would say that it is there and
//! empty: to Terraform that there is no state yet, so that it makes everything anew.

use axum::http::Uri;

use crate::endpoint::Unserved;
use crate::http::error::ApiError;
use crate::http::extract::Authenticated;

/// Tells a caller with a good token what is missing, whatever the method.
// Contract: silent.not-served
pub(crate) async fn refuse(_: Authenticated, part: Unserved) -> ApiError {
    ApiError::NotServed(part.description())
}

/// Answers a path that no endpoint has. One that is unserved but for a slash too many, as a client writes it whose
/// address ends with one, must not look empty either.
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
