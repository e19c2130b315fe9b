//! What Atlas had and this emulator does not have. A 404 would say that it is there and empty: to
//! Terraform that there is no state yet, so that it makes everything anew.

use axum::http::Uri;

use crate::http::error::ApiError;
use crate::http::extract::Authenticated;

/// What paths begin with, and what is there.
// Contract: silent.not-served
pub(crate) const PATHS: [(&str, &str); 16] = [
    ("/api/v1/terraform/state", "the state of Terraform"),
    ("/api/v1/terraform/configurations", CONFIGURATIONS),
    ("/api/v1/packer/build-configurations", CONFIGURATIONS),
    ("/api/v1/vagrant/applications", "applications of Vagrant"),
    ("/api/v1/environments", "environments and their variables"),
    ("/api/v1/box", BOXES),
    ("/api/v1/boxes", BOXES),
    ("/api/v1/user", BOXES),
    ("/api/v1/search", BOXES),
    ("/api/v1/two-factor", "a second factor of a login"),
    ("/api/v2/authenticate", SECOND_VERSION),
    ("/api/v2/box", SECOND_VERSION),
    ("/api/v2/boxes", SECOND_VERSION),
    ("/api/v2/user", SECOND_VERSION),
    ("/api/v2/search", SECOND_VERSION),
    ("/api/v2/vagrant", SECOND_VERSION),
];

/// Where the files of boxes were.
pub(crate) const BOX_FILES: &str = "/{username}/boxes/{*path}";

const CONFIGURATIONS: &str = "configurations that are pushed to be built or run";
const BOXES: &str = "boxes of Vagrant";
const SECOND_VERSION: &str = "the second version of the API, for boxes of Vagrant";

/// Any method. Whose token is good is told what is missing.
// Contract: silent.not-served
pub(crate) async fn refuse(_: Authenticated, uri: Uri) -> ApiError {
    ApiError::NotServed(what(uri.path()))
}

/// A path that no route has. One that is unserved but for a slash too many, as a client writes it whose
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
    match (known(&path), member) {
        (None, _) => ApiError::NotFound,
        (Some(_), Err(refusal)) => refusal,
        (Some(what), Ok(_)) => ApiError::NotServed(what),
    }
}

/// What a path is about; a file of a box begins with none of these.
fn what(path: &str) -> &'static str {
    known(path).unwrap_or(BOXES)
}

fn known(path: &str) -> Option<&'static str> {
    let is_below = |start: &str| {
        let rest = path.strip_prefix(start);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let found = PATHS.iter().find(|(start, _)| is_below(start));
    found.map(|(_, what)| *what)
}
