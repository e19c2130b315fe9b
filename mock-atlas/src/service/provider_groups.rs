//! Providers as HCP's API has them, for authorised callers: a provider of a name with any number of
//! architectures, or none yet.

use super::boxes::write;
use super::{Dataset, ServiceError};
use crate::domain::{
    Account, ArtifactName, BoxNumber, Name, ProviderChange, ProviderKey, ProviderPlace,
};
use crate::storage::FoundBox;

/// Creates a provider without architectures. One that exists stays as it is.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound).
pub(crate) async fn create(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    number: &BoxNumber,
    provider: Name,
) -> Result<FoundBox, ServiceError> {
    let number = number.clone();
    let changed = write(dataset, account, name, move |draft| {
        let now = draft.now;
        draft.vagrant_box.updated = now;
        let version = draft.vagrant_box.version_mut(&number)?;
        version.create_provider_group(provider, now);
        Ok(())
    });
    Ok(changed.await?.0)
}

/// Gives a provider another name.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound) and
/// [`BoxError::ProviderTaken`](crate::domain::BoxError::ProviderTaken).
pub(crate) async fn rename(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    number: &BoxNumber,
    (old, new): (&Name, &Name),
) -> Result<FoundBox, ServiceError> {
    let number = number.clone();
    let (old, new) = (old.clone(), new.clone());
    let changed = write(dataset, account, name, move |draft| {
        let now = draft.now;
        draft.vagrant_box.updated = now;
        let version = draft.vagrant_box.version_mut(&number)?;
        version.rename_provider_group(&old, &new, now)
    });
    Ok(changed.await?.0)
}

/// Deletes a provider with all its architectures and files.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound).
pub(crate) async fn delete(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    number: &BoxNumber,
    provider: &Name,
) -> Result<FoundBox, ServiceError> {
    let number = number.clone();
    let provider = provider.clone();
    let changed = write(dataset, account, name, move |draft| {
        let now = draft.now;
        draft.vagrant_box.updated = now;
        let version = draft.vagrant_box.version_mut(&number)?;
        version.delete_provider_group(&provider, now)
    });
    Ok(changed.await?.0)
}

/// Creates an architecture of a provider, or updates the one that exists already. Returns the box and the
/// architecture's key.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound), also where the provider does not exist.
pub(crate) async fn create_architecture(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    number: &BoxNumber,
    provider: Name,
    change: ProviderChange,
) -> Result<(FoundBox, ProviderKey), ServiceError> {
    let number = number.clone();
    write(dataset, account, name, move |draft| {
        let now = draft.now;
        draft.vagrant_box.updated = now;
        let version = draft.vagrant_box.version_mut(&number)?;
        version.provider_group(&provider)?;
        Ok(version.put_provider(provider, change, now))
    })
    .await
}

/// Deletes an architecture with its file. Its provider stays.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound).
pub(crate) async fn delete_architecture(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    place: &ProviderPlace,
) -> Result<FoundBox, ServiceError> {
    let place = place.clone();
    let changed = write(dataset, account, name, move |draft| {
        let now = draft.now;
        draft.vagrant_box.updated = now;
        let version = draft.vagrant_box.version_mut(&place.version)?;
        version.delete_architecture(&place.key, now)
    });
    Ok(changed.await?.0)
}
