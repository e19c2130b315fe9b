//! Channels: names that point at a version of an artifact type. Whoever may write to the artifact may set them.

use super::authorize::{check_write, read_access};
use super::{Dataset, ServiceError};
use crate::domain::{
    Account, ArtifactName, Caller, Channel, ChannelName, FileSelector, Name, Select,
};
use crate::storage::{ChannelPlace, FoundChannel, StorageError};

/// Returns all channels of an artifact, ordered by type and name.
///
/// # Errors
/// [`StorageError::NotFound`] where the caller may not read the artifact.
pub(crate) async fn list(
    dataset: &Dataset,
    caller: &Caller,
    artifact: &ArtifactName,
) -> Result<Vec<FoundChannel>, ServiceError> {
    let access = read_access(dataset, caller, artifact).await?;
    Ok(dataset.catalog().channels(artifact, access).await?)
}

/// Returns a channel with its history.
///
/// # Errors
/// [`StorageError::NotFound`] where there is none, or the caller may not read the artifact.
pub(crate) async fn show(
    dataset: &Dataset,
    caller: &Caller,
    place: &ChannelPlace,
) -> Result<Channel, ServiceError> {
    let access = read_access(dataset, caller, &place.artifact).await?;
    let found = dataset.catalog().channel(place, access).await?;
    Ok(found.ok_or(StorageError::NotFound)?)
}

/// Points a channel at a version. Calls `version` for it only after the authorisation, so that callers without access
/// get no validation errors.
///
/// # Errors
/// [`StorageError::NotFound`] where the account may not write to the artifact, the errors of `version`, and
/// [`ChannelError`](crate::domain::ChannelError).
pub(crate) async fn set<E: From<ServiceError>>(
    dataset: &Dataset,
    account: &Account,
    place: &ChannelPlace,
    version: impl FnOnce() -> Result<u64, E>,
) -> Result<Channel, E> {
    check_write(dataset, account, &place.artifact).await?;
    let version = version()?;
    let catalog = dataset.catalog();
    let set = catalog.set_channel(place, version, &account.username);
    set.await.map_err(|error| ServiceError::from(error).into())
}

/// Points a channel at the version before.
///
/// # Errors
/// The errors of [`set`].
pub(crate) async fn roll_back(
    dataset: &Dataset,
    account: &Account,
    place: &ChannelPlace,
) -> Result<Channel, ServiceError> {
    check_write(dataset, account, &place.artifact).await?;
    let catalog = dataset.catalog();
    Ok(catalog.roll_back_channel(place, &account.username).await?)
}

/// Removes a channel with its history.
///
/// # Errors
/// [`StorageError::NotFound`] where there is none, or the account may not write to the artifact.
pub(crate) async fn remove(
    dataset: &Dataset,
    account: &Account,
    place: &ChannelPlace,
) -> Result<(), ServiceError> {
    check_write(dataset, account, &place.artifact).await?;
    Ok(dataset.catalog().remove_channel(place).await?)
}

/// Returns the version that a channel points at; 0, which no version has, if there is no such channel.
async fn version_at(
    dataset: &Dataset,
    caller: &Caller,
    (artifact, artifact_type): (&ArtifactName, &Name),
    name: ChannelName,
) -> Result<u64, ServiceError> {
    let place = ChannelPlace {
        artifact: artifact.clone(),
        artifact_type: artifact_type.clone(),
        name,
    };
    let access = read_access(dataset, caller, artifact).await?;
    let found = dataset.catalog().channel(&place, access).await?;
    Ok(found.map_or(0, |channel| channel.version()))
}

/// Returns what a search for the version that a channel points at selects.
///
/// # Errors
/// [`StorageError::NotFound`] where the caller may not read the artifact.
pub(crate) async fn select(
    dataset: &Dataset,
    caller: &Caller,
    of: (&ArtifactName, &Name),
    name: ChannelName,
) -> Result<Select, ServiceError> {
    Ok(match version_at(dataset, caller, of, name).await? {
        0 => Select::Nothing,
        number => Select::Number(number),
    })
}

/// Returns the file of the version that a channel points at.
///
/// # Errors
/// [`StorageError::NotFound`] where the caller may not read the artifact.
pub(crate) async fn file(
    dataset: &Dataset,
    caller: &Caller,
    of: (&ArtifactName, &Name),
    name: ChannelName,
) -> Result<FileSelector, ServiceError> {
    let number = version_at(dataset, caller, of, name).await?;
    Ok(FileSelector::Number(number))
}
