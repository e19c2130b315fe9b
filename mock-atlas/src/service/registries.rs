//! Registries of boxes for authorised callers: the namespaces of users and organisations.

use super::authorize::{check_active, check_admin, read_access};
use super::{Dataset, ServiceError, box_lists};
use crate::domain::{Account, Caller, Name, ReadAccess, Registry, RegistryChange, Role, Target};
use crate::storage::{FoundBox, FoundRegistry, RegistryOwner, StorageError};

/// Returns the registries in which the account has a role, ordered by name.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn list(
    dataset: &Dataset,
    account: &Account,
) -> Result<Vec<FoundRegistry>, ServiceError> {
    let mut theirs = dataset.catalog().registries_of(account).await?;
    // The lowest role that there is, as far as the token allows it.
    let held = Some(Role::Read);
    theirs.retain(|found| {
        account
            .limit(held, Target::Namespace(&found.name))
            .is_some()
    });
    Ok(theirs)
}

/// Returns a registry. That of a user or an organisation exists for everybody while it is active; another one
/// if the caller may read a box in it.
///
/// # Errors
/// [`StorageError::NotFound`].
// Contract: boxes-hcp.registry, boxes-hcp.same-boxes
pub(crate) async fn find(
    dataset: &Dataset,
    caller: &Caller,
    name: &Name,
) -> Result<FoundRegistry, ServiceError> {
    let found = dataset.catalog().registry(name).await?;
    let is_member = read_access(dataset, caller, name).await? == ReadAccess::All;
    match found {
        Some(found) if found.registry.is_active || is_member => Ok(found),
        Some(_) => Err(StorageError::NotFound.into()),
        None => {
            let boxes = box_lists::list(dataset, caller, Some(name)).await?;
            let found = registry_of(name, &boxes);
            found.ok_or_else(|| StorageError::NotFound.into())
        }
    }
}

/// Returns the description of a registry; an empty text where there is none.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn description(dataset: &Dataset, name: &Name) -> Result<String, ServiceError> {
    let found = dataset.catalog().registry(name).await?;
    Ok(found
        .map(|found| found.registry.description)
        .unwrap_or_default())
}

/// Returns the boxes of a registry that the caller may read, ordered by name.
///
/// # Errors
/// [`StorageError::NotFound`] where there is no such registry, or it is not active.
pub(crate) async fn boxes(
    dataset: &Dataset,
    caller: &Caller,
    name: &Name,
) -> Result<Vec<FoundBox>, ServiceError> {
    find(dataset, caller, name).await?;
    check_active(dataset, name).await?;
    box_lists::list(dataset, caller, Some(name)).await
}

/// Creates an organisation without members, and returns its registry. The caller must have checked that
/// this is for the root token.
///
/// # Errors
/// The [`AccountError`](crate::storage::AccountError) of a name that is not free.
pub(crate) async fn create(
    dataset: &Dataset,
    name: &Name,
    change: RegistryChange,
) -> Result<FoundRegistry, ServiceError> {
    Ok(dataset.catalog().create_registry(name, change).await?)
}

/// Changes a registry, if the account administers it, and returns it.
///
/// # Errors
/// [`StorageError::NotFound`], and
/// [`AccountError::UnknownRegistry`](crate::storage::AccountError::UnknownRegistry) where no user or
/// organisation has the name.
pub(crate) async fn update(
    dataset: &Dataset,
    account: &Account,
    name: &Name,
    change: RegistryChange,
) -> Result<FoundRegistry, ServiceError> {
    check_admin(dataset, account, name).await?;
    Ok(dataset.catalog().change_registry(name, change).await?)
}

/// Deletes an organisation with its boxes, if the account administers it, and returns its registry.
///
/// # Errors
/// [`StorageError::NotFound`], and the errors of
/// [`Catalog::delete_registry`](crate::storage::Catalog::delete_registry).
pub(crate) async fn delete(
    dataset: &Dataset,
    account: &Account,
    name: &Name,
) -> Result<FoundRegistry, ServiceError> {
    check_admin(dataset, account, name).await?;
    Ok(dataset
        .catalog()
        .delete_registry(name, Some(&account.username))
        .await?)
}

/// Returns the registry of a namespace that only has boxes; `None` without any.
fn registry_of(name: &Name, boxes: &[FoundBox]) -> Option<FoundRegistry> {
    let boxes = || boxes.iter().map(|found| &found.vagrant_box);
    Some(FoundRegistry {
        name: name.clone(),
        owner: RegistryOwner::Nobody,
        registry: Registry {
            updated: boxes().map(|of| of.updated).max()?,
            ..Registry::new(boxes().map(|of| of.created).min()?)
        },
    })
}
