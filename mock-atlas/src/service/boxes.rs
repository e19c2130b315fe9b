//! Boxes for authorised callers: boxes, their versions and providers, uploads and downloads.

use std::time::SystemTime;

use uuid::Uuid;

use super::authorize::{self, check_active, read_access};
use super::{Dataset, ServiceError};
use crate::domain::{
    Account, ArtifactName, BOX_TYPE, BoxError, BoxNumber, BoxProvider, BoxSource, BoxVersion,
    Caller, FileSelector, Name, ProviderChange, ProviderKey, ProviderPlace, ReadAccess, Visibility,
};
use crate::storage::{Blob, BoxDraft, FoundBox, NewBox, StorageError};

/// A client's description of a box. Fields that are `None` say nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct BoxChange {
    pub(crate) visibility: Option<Visibility>,
    pub(crate) short_description: Option<String>,
    /// The description, in Markdown.
    pub(crate) description: Option<String>,
}

/// A client's description of a version. Fields that are `None` say nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct VersionChange {
    pub(crate) number: Option<BoxNumber>,
    /// The description, in Markdown.
    pub(crate) description: Option<String>,
}

/// The file of a provider.
#[derive(Clone, Debug)]
pub(crate) enum BoxFile {
    Hosted(Blob),
    /// The URL of the file, on another server.
    External(String),
}

/// Creates a box without versions.
///
/// # Errors
/// [`StorageError::NotFound`] where the account may not write, and [`BoxError::BoxTaken`].
// Contract: boxes.create
pub(crate) async fn create(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    new: NewBox,
) -> Result<FoundBox, ServiceError> {
    check_write(dataset, account, name).await?;
    Ok(dataset.catalog().create_box(name, new).await?)
}

/// Returns a box that the caller may read.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(crate) async fn find(
    dataset: &Dataset,
    caller: &Caller,
    name: &ArtifactName,
) -> Result<FoundBox, ServiceError> {
    Ok(find_with_access(dataset, caller, name).await?.0)
}

/// Returns a box that the caller may read, and the read access of the caller.
async fn find_with_access(
    dataset: &Dataset,
    caller: &Caller,
    name: &ArtifactName,
) -> Result<(FoundBox, ReadAccess), ServiceError> {
    check_active(dataset, &name.username).await?;
    let access = read_access(dataset, caller, name).await?;
    Ok((dataset.catalog().find_box(name, access).await?, access))
}

/// Changes the description or the visibility of a box.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(crate) async fn update(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    change: BoxChange,
) -> Result<FoundBox, ServiceError> {
    let changed = write(dataset, account, name, move |draft| {
        draft.visibility = change.visibility.unwrap_or(draft.visibility);
        let of = &mut draft.vagrant_box;
        if let Some(text) = change.short_description {
            of.short_description = text;
        }
        if let Some(text) = change.description {
            of.description = text;
        }
        of.updated = draft.now;
        Ok(())
    });
    Ok(changed.await?.0)
}

/// Deletes a box with all its versions and files, and returns it.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(crate) async fn delete(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
) -> Result<FoundBox, ServiceError> {
    check_write(dataset, account, name).await?;
    Ok(dataset
        .catalog()
        .delete_box(name, Some(&account.username))
        .await?)
}

/// Creates an unreleased version without providers.
///
/// # Errors
/// [`StorageError::NotFound`] and [`BoxError::VersionTaken`].
pub(crate) async fn create_version(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    number: BoxNumber,
    description: String,
) -> Result<FoundBox, ServiceError> {
    let changed = write(dataset, account, name, move |draft| {
        let now = draft.now;
        draft.vagrant_box.updated = now;
        draft.vagrant_box.create_version(number, description, now)?;
        Ok(())
    });
    Ok(changed.await?.0)
}

/// Changes the number or the description of a version. The returned box has it under the new number.
///
/// # Errors
/// [`StorageError::NotFound`] and [`BoxError::VersionTaken`].
pub(crate) async fn update_version(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    number: &BoxNumber,
    change: VersionChange,
) -> Result<FoundBox, ServiceError> {
    let number = number.clone();
    let changed = write(dataset, account, name, move |draft| {
        let now = draft.now;
        let version = draft.vagrant_box.version_mut(&number)?;
        version.updated = now;
        if let Some(text) = change.description {
            version.description = text;
        }
        match change.number {
            Some(new) => draft.vagrant_box.rename_version(&number, new),
            None => Ok(()),
        }
    });
    Ok(changed.await?.0)
}

/// Deletes a version with its files, and returns it.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(crate) async fn delete_version(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    number: &BoxNumber,
) -> Result<(FoundBox, BoxVersion), ServiceError> {
    let number = number.clone();
    write(dataset, account, name, move |draft| {
        draft.vagrant_box.updated = draft.now;
        draft.vagrant_box.delete_version(&number)
    })
    .await
}

/// Makes a version visible to Vagrant.
///
/// # Errors
/// [`StorageError::NotFound`], [`BoxError::NoProvider`] and [`BoxError::AlreadyReleased`].
pub(crate) async fn release(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    number: &BoxNumber,
) -> Result<FoundBox, ServiceError> {
    change_version(dataset, account, name, number, |version, draft_now| {
        version.release(draft_now)
    })
    .await
}

/// Hides an active version from Vagrant.
///
/// # Errors
/// [`StorageError::NotFound`] and [`BoxError::NotActive`].
pub(crate) async fn revoke(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    number: &BoxNumber,
) -> Result<FoundBox, ServiceError> {
    change_version(dataset, account, name, number, |version, draft_now| {
        version.revoke(draft_now)
    })
    .await
}

/// Creates a provider, or updates the one that exists already. Returns the box and the provider's
/// key.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(crate) async fn put_provider(
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
        Ok(version.put_provider(provider, change, now))
    })
    .await
}

/// Updates or renames a provider. Returns the box and the provider's new key.
///
/// # Errors
/// [`StorageError::NotFound`] and [`BoxError::ProviderTaken`].
pub(crate) async fn update_provider(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    place: &ProviderPlace,
    change: ProviderChange,
) -> Result<(FoundBox, ProviderKey), ServiceError> {
    let place = place.clone();
    write(dataset, account, name, move |draft| {
        let now = draft.now;
        draft.vagrant_box.updated = now;
        let version = draft.vagrant_box.version_mut(&place.version)?;
        version.update_provider(&place.key, change, now)
    })
    .await
}

/// Deletes a provider with its file, and returns it.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(crate) async fn delete_provider(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    place: &ProviderPlace,
) -> Result<(FoundBox, BoxProvider), ServiceError> {
    let place = place.clone();
    write(dataset, account, name, move |draft| {
        let now = draft.now;
        draft.vagrant_box.updated = now;
        let version = draft.vagrant_box.version_mut(&place.version)?;
        version.delete_provider(&place.key, now)
    })
    .await
}

/// Deletes what a failed run has left of a provider: its entries without a file. Where all have one,
/// nothing is deleted, and the default entry is returned.
///
/// # Errors
/// [`StorageError::NotFound`] where no provider has the name.
pub(crate) async fn delete_unfinished_provider(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    number: &BoxNumber,
    provider: &Name,
) -> Result<(FoundBox, BoxProvider), ServiceError> {
    let number = number.clone();
    let provider = provider.clone();
    write(dataset, account, name, move |draft| {
        let now = draft.now;
        let version = draft.vagrant_box.version_mut(&number)?;
        delete_of_name(version, &provider, false, now)
    })
    .await
}

/// Deletes the entries of a provider name that have no file, or else the only entry, if it `is_only`.
/// Returns the default entry if nothing was deleted.
fn delete_of_name(
    version: &mut BoxVersion,
    provider: &Name,
    is_only: bool,
    now: SystemTime,
) -> Result<BoxProvider, BoxError> {
    if let Some(deleted) = version.delete_unfinished(provider, now) {
        return Ok(deleted);
    }
    let default = ProviderKey {
        name: provider.clone(),
        architecture: None,
    };
    if is_only {
        version.delete_provider(&default, now)
    } else {
        version.provider(&default).cloned()
    }
}

/// Deletes a provider with its file if it is the only entry of its name; else what a failed run has
/// left of it, as [`delete_unfinished_provider`] does.
///
/// # Errors
/// [`StorageError::NotFound`] where no provider has the name.
pub(crate) async fn delete_only_provider(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    number: &BoxNumber,
    provider: &Name,
) -> Result<(FoundBox, BoxProvider), ServiceError> {
    let (number, provider) = (number.clone(), provider.clone());
    write(dataset, account, name, move |draft| {
        let now = draft.now;
        let version = draft.vagrant_box.version_mut(&number)?;
        let is_only = version.architectures(&provider) == 1;
        delete_of_name(version, &provider, is_only, now)
    })
    .await
}

/// Begins an upload of a provider's file, which replaces an earlier upload. Returns the random id
/// that authorises the upload.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(crate) async fn begin_upload(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    place: &ProviderPlace,
    is_direct: bool,
) -> Result<(FoundBox, Uuid), ServiceError> {
    let place = place.clone();
    write(dataset, account, name, move |draft| {
        let now = draft.now;
        draft.vagrant_box.begin_upload(&place, is_direct, now)
    })
    .await
}

/// Makes the file of a direct upload visible, and returns the box and the place of its provider.
///
/// # Errors
/// [`StorageError::NotFound`] and [`BoxError::NoBytes`].
pub(crate) async fn complete_upload(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    upload: Uuid,
) -> Result<(FoundBox, ProviderPlace), ServiceError> {
    check_write(dataset, account, name).await?;
    let catalog = dataset.catalog();
    let found = catalog
        .complete_box_upload(name, upload, Some(&account.username))
        .await?;
    let (place, _) = found
        .vagrant_box
        .upload(upload)
        .map_err(StorageError::from)?;
    Ok((found, place))
}

/// Returns the file of a provider. Versions that are not active have files for callers who may write.
///
/// # Errors
/// [`StorageError::NotFound`] where there is no such provider, or it has no file.
pub(crate) async fn file(
    dataset: &Dataset,
    caller: &Caller,
    name: &ArtifactName,
    place: &ProviderPlace,
) -> Result<(BoxProvider, BoxFile), ServiceError> {
    let (found, access) = find_with_access(dataset, caller, name).await?;
    let version = found.vagrant_box.version(&place.version);
    let version = version.map_err(StorageError::from)?;
    if !version.is_active() {
        match caller {
            Caller::Known(account) => check_write(dataset, account, name).await?,
            Caller::Anonymous => return Err(StorageError::NotFound.into()),
        }
    }
    let provider = version.provider(&place.key).map_err(StorageError::from)?;
    let file = match &provider.source {
        BoxSource::Awaited => return Err(StorageError::NotFound.into()),
        BoxSource::External(url) => BoxFile::External(url.clone()),
        BoxSource::Hosted(file) => {
            let selector = FileSelector::Number(file.number);
            let of_type = Name::constant(BOX_TYPE);
            let blob = dataset.catalog().file(name, &of_type, access, selector);
            BoxFile::Hosted(blob.await?)
        }
    };
    Ok((provider.clone(), file))
}

/// Counts a download of a file of a box. The file is sent even if that fails, for want of space for
/// example.
pub(crate) async fn count_download(dataset: &Dataset, name: &ArtifactName) {
    if let Err(error) = dataset.catalog().count_download(name).await {
        tracing::warn!(%error, "a download was not counted");
    }
}

/// Checks whether an account may create or change a box.
async fn check_write(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
) -> Result<(), ServiceError> {
    check_active(dataset, &name.username).await?;
    authorize::check_write(dataset, account, name).await
}

/// Changes a version.
async fn change_version(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    number: &BoxNumber,
    change: impl FnOnce(&mut BoxVersion, SystemTime) -> Result<(), BoxError> + Send + 'static,
) -> Result<FoundBox, ServiceError> {
    let number = number.clone();
    let changed = write(dataset, account, name, move |draft| {
        let now = draft.now;
        change(draft.vagrant_box.version_mut(&number)?, now)?;
        draft.vagrant_box.updated = now;
        Ok(())
    });
    Ok(changed.await?.0)
}

/// Changes a box if the account may write.
pub(super) async fn write<T: Send + 'static>(
    dataset: &Dataset,
    account: &Account,
    name: &ArtifactName,
    change: impl FnOnce(&mut BoxDraft) -> Result<T, BoxError> + Send + 'static,
) -> Result<(FoundBox, T), ServiceError> {
    check_write(dataset, account, name).await?;
    let by = Some(&account.username);
    Ok(dataset.catalog().change_box(name, by, change).await?)
}
