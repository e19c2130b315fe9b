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
    AdditionError, Additions, BackendError, Blob, BoxDraft, Contents, DurableCatalog, Found,
    FoundBox, ImportError, Login, MemoryBudget, MemoryCatalog, NewBox, StorageError, Token,
    UploadAttempt, UploadTarget,
};
use crate::domain::{
    Account, ArtifactName, BoxError, FileSelector, Limits, Name, NewVersion, Orphan, Page, Query,
    ReadAccess, Role, Totals, Version, Visibility,
};

/// A catalog of artifacts with their versions and files, uploads and accounts, in one of the
/// backends. A clone is a cheap handle.
///
/// The set of backends is closed, so each method matches on it. The memory backend neither boxes
/// futures nor suspends, except for long operations, which run on a blocking thread.
#[derive(Clone, Debug)]
pub(crate) enum Catalog {
    Memory(MemoryCatalog),
    Durable(DurableCatalog),
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
            Self::Durable(durable) => durable.create_artifact(name, visibility).await,
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
            Self::Durable(durable) => durable.find_artifact(name, access).await,
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
            Self::Durable(durable) => durable.delete_artifact(name).await,
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
            Self::Durable(durable) => durable.create_version(name, artifact_type, new).await,
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
            Self::Durable(durable) => {
                durable
                    .search(name, artifact_type, access, query, page)
                    .await
            }
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
            Self::Durable(durable) => durable.file(name, artifact_type, access, selector).await,
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
            Self::Durable(durable) => durable.delete_version(name, artifact_type, number).await,
        }
    }

    /// Returns the versions and the providers of boxes whose bytes have not come, ordered by name.
    pub(crate) async fn orphans(&self) -> Result<Vec<Orphan>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.orphans()),
            Self::Durable(durable) => durable.orphans().await,
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
            Self::Durable(durable) => durable.create_box(name, new).await,
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
            Self::Durable(durable) => durable.find_box(name, access).await,
        }
    }

    /// Returns all boxes, in any order.
    pub(crate) async fn boxes(&self) -> Result<Vec<FoundBox>, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(run_blocking(move || memory.boxes()).await?)
            }
            Self::Durable(durable) => durable.boxes().await,
        }
    }

    /// Changes a box as `change` says, or not at all if that fails, and returns the changed box with
    /// the result of `change`. Uploads that are no longer named by a provider are void, and files to
    /// which no provider refers any longer are deleted.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], and the errors of `change`.
    pub(crate) async fn change_box<T: Send + 'static>(
        &self,
        name: &ArtifactName,
        change: impl FnOnce(&mut BoxDraft) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<(FoundBox, T), StorageError> {
        match self {
            Self::Memory(memory) => memory.change_box(name, change),
            Self::Durable(durable) => durable.change_box(name, change).await,
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
            Self::Durable(durable) => durable.delete_box(name).await,
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
            Self::Durable(durable) => durable.complete_box_upload(name, upload).await,
        }
    }

    /// Counts a download of a file of a box.
    pub(crate) async fn count_download(&self, name: &ArtifactName) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.count_download(name),
            Self::Durable(durable) => durable.count_download(name).await?,
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
            Self::Durable(durable) => durable.upload_target(upload).await,
        }
    }

    /// Returns the slug of the version, or of the provider of a box, whose file an upload brings.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn upload_slug(&self, upload: Uuid) -> Result<String, StorageError> {
        match self {
            Self::Memory(memory) => memory.upload_slug(upload),
            Self::Durable(durable) => durable.upload_slug(upload).await,
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
            Self::Durable(durable) => durable.begin_upload(upload, announced).await,
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
            Self::Durable(durable) => durable.finish_upload(upload, blob).await,
        }
    }

    /// Returns the stored bytes of an upload's version; `None` if they have not come.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn uploaded(&self, upload: Uuid) -> Result<Option<Blob>, StorageError> {
        match self {
            Self::Memory(memory) => memory.uploaded(upload),
            Self::Durable(durable) => durable.uploaded(upload).await,
        }
    }

    /// Returns the age of an upload's version.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn upload_age(&self, upload: Uuid) -> Result<Duration, StorageError> {
        match self {
            Self::Memory(memory) => memory.upload_age(upload),
            Self::Durable(durable) => durable.upload_age(upload).await,
        }
    }

    /// Removes an upload, but not its version.
    pub(crate) async fn expire_upload(&self, upload: Uuid) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.expire_upload(upload),
            Self::Durable(durable) => durable.expire_upload(upload).await?,
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
            Self::Durable(durable) => durable.account_of_token(token).await,
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
            Self::Durable(durable) => durable.log_in(login, description).await,
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
            Self::Durable(durable) => durable.log_out(token).await,
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
            Self::Durable(durable) => durable.has_second_factor(login, password).await,
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
            Self::Durable(durable) => durable.create_token(username, description).await,
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
            Self::Durable(durable) => durable.issue_access_token(client, token, lifetime).await,
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
            Self::Durable(durable) => durable.sign(path, lifetime).await,
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
            Self::Durable(durable) => durable.account_of_signature(path, signature).await,
        }
    }

    /// Returns all tokens, the oldest first.
    pub(crate) async fn tokens(&self) -> Result<Vec<Token>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.tokens()),
            Self::Durable(durable) => durable.tokens().await,
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
            Self::Durable(durable) => durable.revoke_token(id).await,
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
            Self::Durable(durable) => durable.role(account, namespace).await,
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
            Self::Durable(durable) => durable.add(additions).await,
        }
    }

    /// Returns the contents of the catalog at one moment, without the root account.
    pub(crate) async fn export(&self) -> Result<Contents, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(run_blocking(move || memory.export()).await?)
            }
            Self::Durable(durable) => durable.export().await,
        }
    }

    /// Returns a catalog with these contents, and with the clock, the root account and the root token
    /// of this catalog. In memory it is a new catalog; a durable catalog replaces its own contents.
    ///
    /// # Errors
    /// When the contents are contradictory, exceed the limits, or contain the root token of this
    /// catalog. Nothing is changed then.
    pub(crate) async fn import(
        &self,
        contents: Contents,
        limits: Limits,
    ) -> Result<Self, ImportError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                let import = run_blocking(move || memory.import(contents, limits));
                Ok(Self::Memory(import.await??))
            }
            Self::Durable(durable) => {
                durable.import(contents, limits).await?;
                Ok(self.clone())
            }
        }
    }

    /// Returns a catalog with the contents of another, as [`Catalog::import`] does.
    ///
    /// # Errors
    /// The errors of [`Catalog::import`].
    pub(crate) async fn reset(&self, initial: &MemoryCatalog) -> Result<Self, ImportError> {
        let initial = initial.clone();
        match self {
            Self::Memory(_) => Ok(Self::Memory(run_blocking(move || initial.copy()).await?)),
            Self::Durable(_) => {
                let contents = run_blocking(move || initial.export()).await?;
                self.import(contents, Limits::default()).await
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
            // Its files are on disk, and take no memory.
            Self::Durable(_) => Ok(()),
        }
    }

    /// Counts the artifacts, versions and bytes of the catalog.
    pub(crate) async fn totals(&self) -> Result<Totals, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(run_blocking(move || memory.totals()).await?)
            }
            Self::Durable(durable) => durable.totals().await,
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
