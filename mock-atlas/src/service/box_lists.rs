//! Lists of boxes for authorised callers: all of a user or an organisation, and searches.

use super::authorize::{access_with, held_role, read_access};
use super::{Dataset, ServiceError};
use crate::domain::{BoxFilter, BoxQuery, Caller, Name, ReadAccess, Role};
use crate::storage::{FoundBox, StorageError};

/// Returns all boxes of a user or an organisation that the caller may read, ordered by name.
///
/// # Errors
/// [`StorageError::NotFound`] where the caller has no role in the namespace and can see nothing in it,
/// and there is no user or organisation of this name.
// Contract: silent.box-user
pub(crate) async fn of_namespace(
    dataset: &Dataset,
    caller: &Caller,
    namespace: &Name,
) -> Result<Vec<FoundBox>, ServiceError> {
    let found = list(dataset, caller, Some(namespace)).await?;
    let is_known = !found.is_empty()
        || dataset.catalog().registry(namespace).await?.is_some()
        || read_access(dataset, caller, namespace).await? == ReadAccess::All;
    if is_known {
        Ok(found)
    } else {
        Err(StorageError::NotFound.into())
    }
}

/// Returns one page of the boxes that a search finds among those that the caller may read.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn search(
    dataset: &Dataset,
    caller: &Caller,
    query: &BoxQuery,
) -> Result<Vec<FoundBox>, ServiceError> {
    let found = filter(dataset, caller, &query.filter).await?;
    Ok(query.page(found, |found| &found.vagrant_box))
}

/// Returns all boxes that a filter accepts among those that the caller may read, ordered by name.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn filter(
    dataset: &Dataset,
    caller: &Caller,
    filter: &BoxFilter,
) -> Result<Vec<FoundBox>, ServiceError> {
    let mut found = list(dataset, caller, None).await?;
    found.retain(|found| filter.accepts(&found.name, &found.vagrant_box));
    Ok(found)
}

/// Returns all boxes that the caller may read, ordered by name; those of one namespace, or of all.
///
/// # Errors
/// When the storage fails.
pub(super) async fn list(
    dataset: &Dataset,
    caller: &Caller,
    namespace: Option<&Name>,
) -> Result<Vec<FoundBox>, ServiceError> {
    let mut found = dataset.catalog().boxes().await?;
    if let Some(namespace) = namespace {
        found.retain(|found| found.name.username == *namespace);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let mut readable = Vec::with_capacity(found.len());
    let mut known: Option<(Name, Option<HeldRole>)> = None;
    for found in found {
        let username = &found.name.username;
        let held = match known.take() {
            Some((of, held)) if of == *username => held,
            _ => held_role_for_boxes(dataset, caller, username).await?,
        };
        known = Some((username.clone(), held));
        if let Some(HeldRole(role)) = held
            && access_with(caller, role, &found.name).allows(found.visibility)
        {
            readable.push(found);
        }
    }
    Ok(readable)
}

/// The role of a caller in a namespace, without regard to the scope of the token.
#[derive(Clone, Copy, Debug)]
struct HeldRole(Option<Role>);

/// Returns the role of a caller in a namespace; `None` if nobody may read its boxes.
async fn held_role_for_boxes(
    dataset: &Dataset,
    caller: &Caller,
    namespace: &Name,
) -> Result<Option<HeldRole>, ServiceError> {
    match dataset.catalog().is_active(namespace).await? {
        true => Ok(Some(HeldRole(held_role(dataset, caller, namespace).await?))),
        false => Ok(None),
    }
}
