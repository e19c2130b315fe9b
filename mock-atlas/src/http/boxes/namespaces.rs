//! Shows users and organisations with their boxes.

use axum::Json;
use axum::response::{IntoResponse, Response};
use tokio::task::spawn_blocking;

use crate::http::error::ApiError;
use crate::http::extract::{Asked, BoxApi, NamespacePath, Site};
use crate::http::json::{BoxView, NamespaceReply};
use crate::service::{Dataset, box_lists, registries};

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
    let profile = registries::description(&dataset, &namespace).await?;
    // A thousand boxes take milliseconds, for which other requests must not wait.
    let reply = spawn_blocking(move || {
        let element = |found| {
            let view = BoxView {
                found,
                api,
                site: &site,
            };
            view.without_versions()
        };
        let boxes = found.iter().map(element).collect();
        Json(NamespaceReply::new(&namespace, &profile, boxes)).into_response()
    });
    Ok(reply.await?)
}
