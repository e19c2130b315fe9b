//! Reads the audit, for the root token.

use super::{Dataset, ServiceError};
use crate::domain::{AuditQuery, NumberedEntry};

/// Returns the entries that a query chooses, the oldest first.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn find(
    dataset: &Dataset,
    query: AuditQuery,
) -> Result<Vec<NumberedEntry>, ServiceError> {
    Ok(dataset.catalog().audit(query).await?)
}
