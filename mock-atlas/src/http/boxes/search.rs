//! Searches boxes.

use axum::Json;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::extract::{Asked, BoxApi, BoxSearch, Site};
use crate::http::json::{BoxView, BoxesReply};
use crate::service::{Dataset, box_lists};

/// Handles `GET /search`.
// Contract: boxes.search
pub(crate) async fn search(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxSearch(query): BoxSearch,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = box_lists::search(&dataset, &caller, &query).await?;
    let view = |found| BoxView {
        found,
        api,
        site: &site,
    };
    let boxes = found.iter().map(|found| view(found).without_versions());
    let reply = BoxesReply {
        boxes: boxes.collect(),
    };
    Ok(Json(reply).into_response())
}
