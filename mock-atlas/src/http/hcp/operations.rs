//! Shows operations.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use uuid::Uuid;

use super::one;
use crate::http::error::ApiError;
use crate::http::extract::Authenticated;
use crate::http::json::HcpReply;
use crate::http::state::AppState;
use crate::service::Dataset;

/// Handles `GET /operation/2020-05-05/organizations/:organization/projects/:project/operations/:operation`, and
/// `…/wait`. There is nothing to wait for: an operation has ended when it is answered.
// Contract: boxes-hcp.operation
pub(crate) async fn show(
    State(state): State<AppState>,
    dataset: Dataset,
    _: Authenticated,
    path: Result<Path<(String, String, Uuid)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Ok(Path((organization, project, id))) = path else {
        return Err(ApiError::NotFound);
    };
    let found = state.operations().find(&dataset, id);
    let is_there = |of: &str| organization == of && project == of;
    let found = found.filter(|operation| is_there(operation.registry.as_str()));
    let operation = found.ok_or(ApiError::NotFound)?;
    Ok(one(HcpReply::Operation((&operation).into())))
}
