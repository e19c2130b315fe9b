//! Defines the catalog, an enum of storage backends. Each method calls the backend: in memory,
//! `memory::versions` numbers versions (`Versions::add`) and makes them visible
//! (`Versions::finish_upload`).
//!
//! - `registries`: the operations of namespaces as registries of boxes

mod registries;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{
    AdditionError, Additions, BackendError, Blob, BoxDraft, Contents, Found, FoundBox, ImportError,
    Login, MemoryBudget, MemoryCatalog, NewBox, StorageError, Token, UploadAttempt, UploadTarget,
};
use crate::domain::{
    Account, ArtifactName, BoxError, FileSelector, Limits, Name, NewVersion, Orphan, OverLimit,
    Page, Query, ReadAccess, Role, Totals, Version, Visibility,
};

/// A catalog of artifacts with their versions and files, uploads and accounts, in one of the
/// backends. A clone is a cheap handle.
///
/// The set of backends is closed, so each method matches on it. The memory backend neither boxes
/// futures nor suspends, except for long operations, which run on a blocking thread.
#[derive(Clone, Debug)]
pub(crate) enum Catalog {
    Memory(MemoryCatalog),
}

/// Artifacts and versions.
impl Catalog {
    /// Creates an artifact without versions.
    ///
    /// # Errors
    /// [`StorageError::NameTaken`].
    pub(crate) async fn create_artifact(
        &self,
        name: &ArtifactName,
        visibility: Visibility,
    ) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.create_artifact(name, visibility),
        }
    }

    /// Checks that an artifact exists and may be read.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn find_artifact(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
    ) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.find_artifact(name, access),
        }
    }

    /// Deletes an artifact with all its versions and files. Uploads to it fail from then on, those
    /// under way included. Its version numbers are never given again.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn delete_artifact(&self, name: &ArtifactName) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.delete_artifact(name),
        }
    }

    /// Creates the next version of an artifact type. A number is never given twice, even after its
    /// version is deleted.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where there is no such artifact, [`StorageError::PushedBox`]
    /// and [`StorageError::NoNumber`].
    pub(crate) async fn create_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        new: NewVersion,
    ) -> Result<Arc<Version>, StorageError> {
        match self {
            Self::Memory(memory) => memory.create_version(name, artifact_type, new),
        }
    }

    /// Returns the versions that a search finds within one page, newest first; none for a type
    /// without versions.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where no such artifact exists or may be read.
    pub(crate) async fn search(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        access: ReadAccess,
        query: &Query,
        page: Page,
    ) -> Result<Found, StorageError> {
        match self {
            Self::Memory(memory) => memory.search(name, artifact_type, access, query, page),
        }
    }

    /// Returns the bytes of a version.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where no such version exists or may be read, or it has no file.
    pub(crate) async fn file(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        access: ReadAccess,
        selector: FileSelector,
    ) -> Result<Blob, StorageError> {
        match self {
            Self::Memory(memory) => memory.file(name, artifact_type, access, selector),
        }
    }

    /// Deletes a version with its file. Its number is never given again.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn delete_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        number: u64,
    ) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.delete_version(name, artifact_type, number),
        }
    }

    /// Returns the versions and the providers of boxes whose bytes have not come, ordered by name.
    pub(crate) async fn orphans(&self) -> Result<Vec<Orphan>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.orphans()),
        }
    }
}

/// Boxes.
impl Catalog {
    /// Creates a box without versions, and its artifact if that does not exist.
    ///
    /// # Errors
    /// [`BoxError::BoxTaken`].
    pub(crate) async fn create_box(
        &self,
        name: &ArtifactName,
        new: NewBox,
    ) -> Result<FoundBox, StorageError> {
        match self {
            Self::Memory(memory) => memory.create_box(name, new),
        }
    }

    /// Returns a box.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where no such box exists or may be read.
    pub(crate) async fn find_box(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
    ) -> Result<FoundBox, StorageError> {
        match self {
            Self::Memory(memory) => memory.find_box(name, access),
        }
    }

    /// Returns all boxes, in any order.
    pub(crate) async fn boxes(&self) -> Result<Vec<FoundBox>, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(run_blocking(move || memory.boxes()).await?)
            }
        }
    }

    /// Changes a box as `change` says, or not at all if that fails, and returns the changed box with
    /// the result of `change`. Uploads that are no longer named by a provider are void, and files to
    /// which no provider refers any longer are deleted.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], and the errors of `change`.
    pub(crate) async fn change_box<T>(
        &self,
        name: &ArtifactName,
        change: impl FnOnce(&mut BoxDraft) -> Result<T, BoxError>,
    ) -> Result<(FoundBox, T), StorageError> {
        match self {
            Self::Memory(memory) => memory.change_box(name, change),
        }
    }

    /// Deletes a box with its files, which are all versions of the artifact type `vagrant.box`, and
    /// the artifact, too, if it has no versions of other types.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn delete_box(&self, name: &ArtifactName) -> Result<FoundBox, StorageError> {
        match self {
            Self::Memory(memory) => memory.delete_box(name),
        }
    }

    /// Makes the file of a direct upload visible. Again is no error and changes nothing.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where the box has no such upload, and [`BoxError::NoBytes`].
    pub(crate) async fn complete_box_upload(
        &self,
        name: &ArtifactName,
        upload: Uuid,
    ) -> Result<FoundBox, StorageError> {
        match self {
            Self::Memory(memory) => memory.complete_box_upload(name, upload),
        }
    }

    /// Counts a download of a file of a box.
    pub(crate) async fn count_download(&self, name: &ArtifactName) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.count_download(name),
        }
        Ok(())
    }
}

/// Uploads.
impl Catalog {
    /// Returns the target of an upload.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn upload_target(&self, upload: Uuid) -> Result<UploadTarget, StorageError> {
        match self {
            Self::Memory(memory) => memory.upload_target(upload),
        }
    }

    /// Returns the slug of the version, or of the provider of a box, whose file an upload brings.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn upload_slug(&self, upload: Uuid) -> Result<String, StorageError> {
        match self {
            Self::Memory(memory) => memory.upload_slug(upload),
        }
    }

    /// Checks that an upload accepts bytes, before the caller reads them, and records a new
    /// attempt.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] and [`StorageError::NoFileExpected`].
    pub(crate) async fn begin_upload(
        &self,
        upload: Uuid,
        announced: Option<u64>,
    ) -> Result<Arc<UploadAttempt>, StorageError> {
        match self {
            Self::Memory(memory) => memory.begin_upload(upload, announced),
        }
    }

    /// Stores the bytes of a version or of a box's provider. A version is visible then, and so is a
    /// provider's file, but that of a direct upload, which awaits [`Catalog::complete_box_upload`].
    /// The same bytes again are no error and change nothing (contract: Versions; inferred).
    ///
    /// # Errors
    /// [`StorageError::OtherBytes`] where the version has other bytes already, which stay; and the
    /// errors of
    /// [`Catalog::begin_upload`].
    pub(crate) async fn finish_upload(&self, upload: Uuid, blob: Blob) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.finish_upload(upload, blob),
        }
    }

    /// Returns the stored bytes of an upload's version; `None` if they have not come.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn uploaded(&self, upload: Uuid) -> Result<Option<Blob>, StorageError> {
        match self {
            Self::Memory(memory) => memory.uploaded(upload),
        }
    }

    /// Returns the age of an upload's version.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn upload_age(&self, upload: Uuid) -> Result<Duration, StorageError> {
        match self {
            Self::Memory(memory) => memory.upload_age(upload),
        }
    }

    /// Removes an upload, but not its version.
    pub(crate) async fn expire_upload(&self, upload: Uuid) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.expire_upload(upload),
        }
        Ok(())
    }
}

/// Accounts and tokens.
impl Catalog {
    /// Returns the account that a token authenticates.
    pub(crate) async fn account_of_token(
        &self,
        token: &str,
    ) -> Result<Option<Arc<Account>>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.account_of_token(token)),
        }
    }

    /// Creates a new token for the account of a login, and returns it with its value, which cannot be
    /// read again.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`](super::AccountError::UnknownUser) where no such account exists
    /// or the password or the code is wrong, and
    /// [`AccountError::CodeNeeded`](super::AccountError::CodeNeeded).
    pub(crate) async fn log_in(
        &self,
        login: &Login<'_>,
        description: &str,
    ) -> Result<(Token, String), StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.log_in(login, description)?),
        }
    }

    /// Revokes the token with this value.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`](super::AccountError::UnknownToken) and
    /// [`AccountError::FirstToken`](super::AccountError::FirstToken).
    pub(crate) async fn log_out(&self, token: &str) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.log_out(token)?),
        }
    }

    /// Returns whether the user with this name and password has a second factor.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`](super::AccountError::UnknownUser).
    pub(crate) async fn has_second_factor(
        &self,
        login: &str,
        password: &str,
    ) -> Result<bool, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.has_second_factor(login, password)?),
        }
    }

    /// Creates a random token for an account, and returns it with its value, which cannot be read
    /// again.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`](super::AccountError::UnknownUser).
    pub(crate) async fn create_token(
        &self,
        username: &Name,
        description: &str,
    ) -> Result<(Token, String), StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.create_token(username, description)?),
        }
    }

    /// Issues an access token for a token, and returns it with the account that it authenticates
    /// during `lifetime`. `client` is the id of the token, or the name of its user.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`](super::AccountError::UnknownToken) where no such token exists,
    /// or it belongs to another client.
    pub(crate) async fn issue_access_token(
        &self,
        client: &str,
        token: &str,
        lifetime: Duration,
    ) -> Result<(Arc<Account>, String), StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.issue_access_token(client, token, lifetime)?),
        }
    }

    /// Returns the signature of a path, with which everybody may read it during `lifetime`; `None` if
    /// there is no root token.
    pub(crate) async fn sign(
        &self,
        path: &str,
        lifetime: Duration,
    ) -> Result<Option<String>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.sign(path, lifetime)),
        }
    }

    /// Returns the account as which whoever has the signature of a path may read it; `None` for another
    /// signature.
    pub(crate) async fn account_of_signature(
        &self,
        path: &str,
        signature: &str,
    ) -> Result<Option<Arc<Account>>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.account_of_signature(path, signature)),
        }
    }

    /// Returns all tokens, the oldest first.
    pub(crate) async fn tokens(&self) -> Result<Vec<Token>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.tokens()),
        }
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`](super::AccountError::UnknownToken) and
    /// [`AccountError::FirstToken`](super::AccountError::FirstToken).
    pub(crate) async fn revoke_token(&self, id: Uuid) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.revoke_token(id)?),
        }
    }

    /// Returns the role of an account in a namespace.
    pub(crate) async fn role(
        &self,
        account: &Account,
        namespace: &Name,
    ) -> Result<Option<Role>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.role(account, namespace)),
        }
    }
}

/// Operations on the whole catalog, which take long if it is large.
impl Catalog {
    /// Adds users, organisations and artifacts: either all of them or, if one fails, none.
    ///
    /// # Errors
    /// The error of the first addition that fails.
    pub(crate) async fn add(&self, additions: Additions) -> Result<(), AdditionError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                run_blocking(move || memory.add(&additions))
                    .await
                    .map_err(AdditionError::Backend)?
            }
        }
    }

    /// Returns an independent copy of the catalog at one moment.
    pub(crate) async fn copy(&self) -> Result<Self, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(Self::Memory(run_blocking(move || memory.copy()).await?))
            }
        }
    }

    /// Returns the contents of the catalog at one moment, without the root account.
    pub(crate) async fn export(&self) -> Result<Contents, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(run_blocking(move || memory.export()).await?)
            }
        }
    }

    /// Creates a catalog from contents, with the clock, the root account and the root token of this
    /// catalog.
    ///
    /// # Errors
    /// When the contents are contradictory, or contain the root token of this catalog.
    pub(crate) async fn import(&self, contents: Contents) -> Result<Self, ImportError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(Self::Memory(
                    run_blocking(move || memory.import(contents)).await??,
                ))
            }
        }
    }

    /// Returns the slug of a version that exceeds the limits, and the exceeded limit.
    pub(crate) async fn over_limit(
        &self,
        limits: Limits,
    ) -> Result<Option<(String, OverLimit)>, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(run_blocking(move || memory.check(limits).err()).await?)
            }
        }
    }

    /// Charges all files that are not charged yet to a budget, even beyond its limit.
    pub(crate) async fn charge(&self, budget: &MemoryBudget) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => {
                let (memory, budget) = (memory.clone(), budget.clone());
                Ok(run_blocking(move || memory.charge(&budget)).await?)
            }
        }
    }

    /// Counts the artifacts, versions and bytes of the catalog.
    pub(crate) async fn totals(&self) -> Result<Totals, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(run_blocking(move || memory.totals()).await?)
            }
        }
    }
}

/// Runs `work` on a blocking thread if there is a runtime, which `work` would hold up.
async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BackendError> {
    match Handle::try_current() {
        Ok(_) => Ok(spawn_blocking(work).await?),
        Err(_) => Ok(work()),
    }
}
