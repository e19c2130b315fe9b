//! The `Catalog` is an enum of backends.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{
    AdditionError, Additions, BackendError, Blob, Contents, Found, ImportError, MemoryBudget,
    MemoryCatalog, StorageError, Token, UploadAttempt, UploadTarget,
};
use crate::domain::{
    Account, ArtifactName, FileSelector, Limits, Name, NewVersion, Orphan, OverLimit, Page, Query,
    ReadAccess, Role, Totals, Version, Visibility,
};

/// Artifacts with their versions and files, uploads, and accounts, in one of the backends. A cheap handle.
///
/// The set of backends is closed, so each method matches on it, and what is in memory neither boxes nor
/// suspends: but for what takes long, which is done where it holds up nobody.
#[derive(Clone, Debug)]
pub(crate) enum Catalog {
    Memory(MemoryCatalog),
}

/// Artifacts and versions.
impl Catalog {
    /// Makes an artifact without versions.
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

    /// Checks that there is an artifact that may be read.
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

    /// Takes an artifact away, with all its versions and files. Uploads to it are refused from now
    /// on, those under way too. Its numbers are never given again.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn delete_artifact(&self, name: &ArtifactName) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.delete_artifact(name),
        }
    }

    /// Makes the next version of an artifact type. No number is given twice, even when its version is
    /// deleted.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where there is no such artifact, [`StorageError::NoProvider`] and
    /// [`StorageError::NoNumber`].
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

    /// Returns the versions that a search finds, newest first, within one page. A type without versions
    /// has none.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where there is no such artifact that may be read.
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
    /// [`StorageError::NotFound`] where there is no such version that may be read, or it has no file.
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

    /// Takes a version away, with its file. Its number is never given again.
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

    /// Returns the versions whose bytes have not come, by their names and numbers.
    pub(crate) async fn orphans(&self) -> Result<Vec<Orphan>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.orphans()),
        }
    }
}

/// Uploads.
impl Catalog {
    /// Returns what an upload belongs to.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn upload_target(&self, upload: Uuid) -> Result<UploadTarget, StorageError> {
        match self {
            Self::Memory(memory) => memory.upload_target(upload),
        }
    }

    /// Asks whether an upload of this name takes bytes, before they are read, and notes that they
    /// begin to come.
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

    /// Gives a version the bytes it awaits, which makes it visible at once. The same bytes again
    /// are no error and change nothing (contract: Versions; inferred).
    ///
    /// # Errors
    /// [`StorageError::OtherBytes`] where it has other bytes already, which stay; and the errors of
    /// [`Catalog::begin_upload`].
    pub(crate) async fn finish_upload(&self, upload: Uuid, blob: Blob) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.finish_upload(upload, blob),
        }
    }

    /// Returns the bytes that the version of an upload has already, if it has them.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn uploaded(&self, upload: Uuid) -> Result<Option<Blob>, StorageError> {
        match self {
            Self::Memory(memory) => memory.uploaded(upload),
        }
    }

    /// Returns how long ago the version of an upload was made.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn upload_age(&self, upload: Uuid) -> Result<Duration, StorageError> {
        match self {
            Self::Memory(memory) => memory.upload_age(upload),
        }
    }

    /// Forgets an upload, but not its version.
    pub(crate) async fn expire_upload(&self, upload: Uuid) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.expire_upload(upload),
        }
        Ok(())
    }
}

/// Accounts and tokens.
impl Catalog {
    /// Returns the account that a token stands for.
    pub(crate) async fn account_of_token(
        &self,
        token: &str,
    ) -> Result<Option<Arc<Account>>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.account_of_token(token)),
        }
    }

    /// Makes a new token for the account with this name and password, and returns its value.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`](super::AccountError::UnknownUser) where there is no such account, or the
    /// password is another.
    pub(crate) async fn log_in(
        &self,
        login: &str,
        password: &str,
        description: &str,
    ) -> Result<String, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.log_in(login, password, description)?),
        }
    }

    /// Makes a new random token for an account, and returns its value, too, which cannot be had again.
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

    /// Returns all tokens, the oldest first.
    pub(crate) async fn tokens(&self) -> Result<Vec<Token>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.tokens()),
        }
    }

    /// Takes a token out of use.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`](super::AccountError::UnknownToken) and
    /// [`AccountError::FirstToken`](super::AccountError::FirstToken).
    pub(crate) async fn revoke_token(&self, id: Uuid) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.revoke_token(id)?),
        }
    }

    /// Returns the role of an account below a name.
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

/// Everything at once. All of it takes long where there is much.
impl Catalog {
    /// Adds users, organisations and artifacts: all of them or, where one cannot be, none.
    ///
    /// # Errors
    /// The first that cannot be added.
    pub(crate) async fn add(&self, additions: Additions) -> Result<(), AdditionError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                apart(move || memory.add(&additions))
                    .await
                    .map_err(AdditionError::Backend)?
            }
        }
    }

    /// Returns a copy of the state at one moment, to be changed on its own.
    pub(crate) async fn copy(&self) -> Result<Self, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(Self::Memory(apart(move || memory.copy()).await?))
            }
        }
    }

    /// Returns all that is here at one moment, but root.
    pub(crate) async fn export(&self) -> Result<Contents, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(apart(move || memory.export()).await?)
            }
        }
    }

    /// Creates a catalog of these contents, with the clock, the root account and the root token of this one.
    ///
    /// # Errors
    /// When the contents contradict themselves, or one of the tokens is the root token here.
    pub(crate) async fn import(&self, contents: Contents) -> Result<Self, ImportError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(Self::Memory(apart(move || memory.import(contents)).await??))
            }
        }
    }

    /// Returns a version that is not within limits, by its slug, and why it is not.
    pub(crate) async fn over_limit(
        &self,
        limits: Limits,
    ) -> Result<Option<(String, OverLimit)>, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(apart(move || memory.check(limits).err()).await?)
            }
        }
    }

    /// Charges all files that are not charged yet to a budget, even beyond its limit.
    pub(crate) async fn charge(&self, budget: &MemoryBudget) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => {
                let (memory, budget) = (memory.clone(), budget.clone());
                Ok(apart(move || memory.charge(&budget)).await?)
            }
        }
    }

    /// Returns how much there is, by counting it.
    pub(crate) async fn totals(&self) -> Result<Totals, StorageError> {
        match self {
            Self::Memory(memory) => {
                let memory = memory.clone();
                Ok(apart(move || memory.totals()).await?)
            }
        }
    }
}

/// Works on a thread that may block, where there is a runtime that would be held up.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BackendError> {
    match Handle::try_current() {
        Ok(_) => Ok(spawn_blocking(work).await?),
        Err(_) => Ok(work()),
    }
}
