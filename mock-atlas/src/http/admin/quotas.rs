//! Sets, lists and removes quotas (`/_mock/quotas`).

use axum::Json;
use axum::http::StatusCode;

use crate::domain::HIGHEST_QUOTA;
use crate::http::error::ApiError;
use crate::http::extract::{OwnerPath, Params, RequireRoot};
use crate::http::json::{QuotaElement, QuotasReply};
use crate::service::{Dataset, ServiceError, quotas};
use crate::storage::{AccountError, StorageError};

/// Handles `GET /_mock/quotas`.
pub(crate) async fn list(dataset: Dataset, _: RequireRoot) -> Result<Json<QuotasReply>, ApiError> {
    let quotas = quotas::list(&dataset).await?.into_iter();
    Ok(Json(QuotasReply {
        quotas: quotas.map(QuotaElement::from).collect(),
    }))
}

/// Handles `PUT /_mock/quotas/:username`.
pub(crate) async fn set(
    dataset: Dataset,
    _: RequireRoot,
    OwnerPath(owner): OwnerPath,
    params: Params,
) -> Result<Json<QuotaElement>, ApiError> {
    let section = params.section("quota")?;
    let label = section.label("bytes");
    let bytes = section.integer("bytes")?;
    let bytes =
        bytes.ok_or_else(|| ApiError::Invalid(format!("{label} parameter is required!")))?;
    if bytes > HIGHEST_QUOTA {
        let reason = format!("{label} must be at most {HIGHEST_QUOTA}");
        return Err(ApiError::Invalid(reason));
    }
    let set = quotas::set(&dataset, &owner, bytes).await;
    let quota = set.map_err(|error| match error {
        ServiceError::Storage(StorageError::Account(unknown @ AccountError::UnknownRegistry)) => {
            ApiError::Invalid(format!("{owner}: {unknown}"))
        }
        other => other.into(),
    })?;
    Ok(Json((owner, quota).into()))
}

/// Handles `DELETE /_mock/quotas/:username`.
pub(crate) async fn remove(
    dataset: Dataset,
    _: RequireRoot,
    OwnerPath(owner): OwnerPath,
) -> Result<StatusCode, ApiError> {
    quotas::remove(&dataset, &owner).await?;
    Ok(StatusCode::NO_CONTENT)
}
