//! Lists of boxes for authorised callers: all of a user or an organisation, and searches.

use super::authorize::{held_role, read_access};
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
    let mut known: Option<(Name, Rights)> = None;
    for found in found {
        let username = &found.name.username;
        let rights = match known.take() {
            Some((of, rights)) if of == *username => rights,
            _ => rights(dataset, caller, username).await?,
        };
        known = Some((username.clone(), rights));
        if rights.may_read(caller, &found) {
            readable.push(found);
        }
    }
    Ok(readable)
}

/// The rights of a caller in a namespace.
#[derive(Clone, Copy, Debug)]
enum Rights {
    /// Nobody may read the boxes of the namespace.
    Inactive,
    /// The caller's role, without regard to the scope of the token.
    Held(Option<Role>),
}

impl Rights {
    fn may_read(self, caller: &Caller, found: &FoundBox) -> bool {
        let role = match (self, caller) {
            (Self::Inactive, _) => return false,
            (Self::Held(role), Caller::Known(account)) => account.limit(role, (&found.name).into()),
            (Self::Held(role), Caller::Anonymous) => role,
        };
        ReadAccess::of(role).allows(found.visibility)
    }
}

async fn rights(
    dataset: &Dataset,
    caller: &Caller,
    namespace: &Name,
) -> Result<Rights, ServiceError> {
    if !dataset.catalog().is_active(namespace).await? {
        return Ok(Rights::Inactive);
    }
    Ok(Rights::Held(match caller {
        Caller::Known(account) => held_role(dataset, account, namespace).await?,
        Caller::Anonymous => None,
    }))
}
