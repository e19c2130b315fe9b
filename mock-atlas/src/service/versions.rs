//! Creates, deletes and searches versions for authorised callers. `storage::memory::versions` gives
//! a new version its number.

use std::sync::Arc;

use tokio::task::yield_now;

use super::authorize::{check_write, read_access};
use super::{Dataset, ServiceError};
use crate::domain::{
    Account, ArtifactName, Caller, Name, NewVersion, Orphan, Page, Query, ROOT, ReadAccess, Version,
};

/// The first page of a search. The server finds and writes a page in about a millisecond.
const FIRST: Page = Page::first(500, 10_000);

/// Creates the next version of an artifact type. Calls `new` for the client's description only
/// after the authorisation, so that callers without access get no validation errors.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound) where the artifact does not
/// exist or the account may not write to it, the errors of `new`, and the errors of the storage for
/// an impossible version.
pub(crate) async fn create<E: From<ServiceError>>(
    dataset: &Dataset,
    account: &Account,
    artifact: &ArtifactName,
    artifact_type: &Name,
    new: impl FnOnce() -> Result<NewVersion, E>,
) -> Result<Arc<Version>, E> {
    check_write(dataset, account, artifact).await?;
    let new = new()?;
    let catalog = dataset.catalog();
    let created = catalog
        .create_version(artifact, artifact_type, new, Some(&account.username))
        .await;
    created.map_err(|error| ServiceError::from(error).into())
}

/// Deletes a version with its file, for the root token. Its number is never given again.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound).
pub(crate) async fn delete(
    dataset: &Dataset,
    artifact: &ArtifactName,
    artifact_type: &Name,
    number: u64,
) -> Result<(), ServiceError> {
    let catalog = dataset.catalog();
    Ok(catalog
        .delete_version(artifact, artifact_type, number, Some(&Name::constant(ROOT)))
        .await?)
}

/// Returns the versions whose bytes have not come, ordered by name and number, for the root token.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn orphans(dataset: &Dataset) -> Result<Vec<Orphan>, ServiceError> {
    Ok(dataset.catalog().orphans().await?)
}

/// Searches the versions of an artifact type. Returns the first page, the newest version first, and
/// the remaining pages, if there are more.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound) where the artifact does not
/// exist or the caller may not read it.
pub(crate) async fn search<'a>(
    dataset: &'a Dataset,
    caller: &Caller,
    artifact: &'a ArtifactName,
    artifact_type: &'a Name,
    query: &'a Query,
) -> Result<(Vec<Arc<Version>>, Option<RemainingPages<'a>>), ServiceError> {
    let access = read_access(dataset, caller, artifact).await?;
    let catalog = dataset.catalog();
    let found = catalog
        .search(artifact, artifact_type, access, query, FIRST)
        .await?;
    let remaining = found.next.map(|page| RemainingPages {
        dataset,
        artifact,
        artifact_type,
        access,
        query,
        page: Some(page),
    });
    Ok((found.versions, remaining))
}

/// The remaining pages of a search.
pub(crate) struct RemainingPages<'a> {
    dataset: &'a Dataset,
    artifact: &'a ArtifactName,
    artifact_type: &'a Name,
    access: ReadAccess,
    query: &'a Query,
    page: Option<Page>,
}

impl RemainingPages<'_> {
    /// Returns the next page of versions; `None` at the end.
    ///
    /// # Errors
    /// The errors of [`search`].
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Arc<Version>>>, ServiceError> {
        let Some(page) = self.page.take() else {
            return Ok(None);
        };
        // Lets other tasks run between pages.
        yield_now().await;
        let catalog = self.dataset.catalog();
        let found = catalog
            .search(
                self.artifact,
                self.artifact_type,
                self.access,
                self.query,
                page,
            )
            .await?;
        self.page = found.next;
        Ok(Some(found.versions))
    }
}
