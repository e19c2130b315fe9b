//! Creating, finding and deleting artifacts.

use super::authorize::{check_write, read_access};
use super::{Dataset, ServiceError};
use crate::domain::{Account, ArtifactName, Caller, Name, ROOT, Visibility};

/// Creates a private artifact without versions.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound) where the account may not write, and
/// [`StorageError::NameTaken`](crate::storage::StorageError::NameTaken).
pub(crate) async fn create(
    dataset: &Dataset,
    account: &Account,
    artifact: &ArtifactName,
) -> Result<(), ServiceError> {
    check_write(dataset, account, artifact).await?;
    let catalog = dataset.catalog();
    Ok(catalog
        .create_artifact(artifact, Visibility::Private)
        .await?)
}

/// Deletes an artifact with all its versions and files, for the root token. Its version numbers are
/// never given again.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound).
pub(crate) async fn delete(dataset: &Dataset, artifact: &ArtifactName) -> Result<(), ServiceError> {
    let root = Name::constant(ROOT);
    Ok(dataset
        .catalog()
        .delete_artifact(artifact, Some(&root))
        .await?)
}

/// Checks that an artifact exists and that the caller may read it.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound).
pub(crate) async fn find(
    dataset: &Dataset,
    caller: &Caller,
    artifact: &ArtifactName,
) -> Result<(), ServiceError> {
    let access = read_access(dataset, caller, artifact).await?;
    Ok(dataset.catalog().find_artifact(artifact, access).await?)
}
