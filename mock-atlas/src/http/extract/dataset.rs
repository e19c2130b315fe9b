//! Extracts the dataset from which a request is answered.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::http::state::AppState;
use crate::service::Dataset;

impl FromRequestParts<AppState> for Dataset {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(dataset_of(parts, state))
    }
}

/// Returns the same dataset for all extractors of one request, so that the caller and the resource never come
/// from different datasets.
pub(super) fn dataset_of(parts: &mut Parts, state: &AppState) -> Dataset {
    parts
        .extensions
        .get_or_insert_with(|| state.datasets().current())
        .clone()
}
