//! Shows operations.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use uuid::Uuid;

use super::one;
use crate::http::error::ApiError;
use crate::http::extract::Authenticated;
use crate::http::json::HcpReply;
use crate::service::Dataset;
use crate::service::operations::Operation;

/// Handles `GET /operation/2020-05-05/organizations/:organization/projects/:project/operations/:operation`, and
/// `…/wait`. There is nothing to wait for: an operation has ended when it is answered.
// Contract: boxes-hcp.operation
pub(crate) async fn show(
    dataset: Dataset,
    _: Authenticated,
    path: Result<Path<(String, String, Uuid)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Ok(Path((organization, project, id))) = path else {
        return Err(ApiError::NotFound);
    };
    let registry = organization.parse().map_err(|_| ApiError::NotFound)?;
    if organization != project {
        return Err(ApiError::NotFound);
    }
    let found = Operation::find(&dataset, registry, id).await?;
    let operation = found.ok_or(ApiError::NotFound)?;
    Ok(one(HcpReply::Operation((&operation).into())))
}
