//! Lists the audit (`/_mock/audit`).

use axum::Json;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::extract::{AuditPage, RequireRoot};
use crate::http::json::{AuditElement, AuditReply};
use crate::service::{Dataset, audit};

/// Handles `GET /_mock/audit`.
pub(crate) async fn list(
    dataset: Dataset,
    _: RequireRoot,
    AuditPage(query): AuditPage,
) -> Result<Response, ApiError> {
    let found = audit::find(&dataset, query).await?;
    let entries = found.iter().map(AuditElement::from).collect();
    Ok(Json(AuditReply { entries }).into_response())
}
