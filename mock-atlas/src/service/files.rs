//! Reading the files of versions.

use super::authorize::read_access;
use super::{Dataset, ServiceError};
use crate::domain::{ArtifactName, Caller, FileSelector, Name};
use crate::storage::Blob;

/// Returns the bytes of a version, if the caller may read it.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound).
pub(crate) async fn open(
    dataset: &Dataset,
    caller: &Caller,
    artifact: &ArtifactName,
    artifact_type: &Name,
    selector: FileSelector,
) -> Result<Blob, ServiceError> {
    let access = read_access(dataset, caller, artifact).await?;
    let catalog = dataset.catalog();
    Ok(catalog
        .file(artifact, artifact_type, access, selector)
        .await?)
}
