//! Shows users and organisations with their boxes.

use axum::Json;
use axum::response::{IntoResponse, Response};

use crate::domain::Name;
use crate::http::error::ApiError;
use crate::http::extract::{Asked, BoxApi, NamespacePath, Site};
use crate::http::json::{BoxView, NamespaceReply};
use crate::service::{Dataset, box_lists};
use crate::storage::FoundBox;

/// Handles `GET /user/:username`: every box that the caller may read, on one page, since a box that is missing
/// there does not exist for Vagrant.
// Contract: boxes.user, boxes.user-lists-all
pub(crate) async fn show(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    NamespacePath(namespace): NamespacePath,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = box_lists::of_namespace(&dataset, &caller, &namespace).await?;
    Ok(reply(&namespace, &found, api, &site))
}

fn reply(namespace: &Name, found: &[FoundBox], api: BoxApi, site: &Site) -> Response {
    let element = |found| BoxView { found, api, site }.without_versions();
    let reply = NamespaceReply {
        username: namespace,
        avatar_url: None,
        profile_html: None,
        profile_markdown: None,
        boxes: found.iter().map(element).collect(),
    };
    Json(reply).into_response()
}
