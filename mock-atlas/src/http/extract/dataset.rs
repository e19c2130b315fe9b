//! The dataset in which a request is answered.

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

/// The same dataset for all that is extracted from one request: who asks and what they ask for must
/// not come from different ones.
pub(super) fn dataset_of(parts: &mut Parts, state: &AppState) -> Dataset {
    parts
        .extensions
        .get_or_insert_with(|| state.datasets().current())
        .clone()
}
