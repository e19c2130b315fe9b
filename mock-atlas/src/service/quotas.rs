//! Quotas of users and organisations, for the root token.

use super::{Dataset, ServiceError};
use crate::domain::{Name, Quota};

/// Returns all quotas, ordered by owner.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn list(dataset: &Dataset) -> Result<Vec<(Name, Quota)>, ServiceError> {
    Ok(dataset.catalog().quotas().await?)
}

/// Sets the quota of a user or an organisation.
///
/// # Errors
/// [`AccountError::UnknownRegistry`](crate::storage::AccountError::UnknownRegistry).
pub(crate) async fn set(
    dataset: &Dataset,
    owner: &Name,
    limit: u64,
) -> Result<Quota, ServiceError> {
    Ok(dataset.catalog().set_quota(owner, limit).await?)
}

/// Removes the quota of a user or an organisation.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound) where there is none.
pub(crate) async fn remove(dataset: &Dataset, owner: &Name) -> Result<(), ServiceError> {
    Ok(dataset.catalog().remove_quota(owner).await?)
}
