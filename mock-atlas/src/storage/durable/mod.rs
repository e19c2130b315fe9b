//! The catalog that keeps what it is given: metadata in a database, bytes in a store of files.
//!
//! - `database`: the database; `schema`: its tables, and their upgrades
//! - `files`: the bytes of files
//! - `artifacts`, `versions`, `searches`, `boxes`, `registries`, `accounts`: operations within a transaction
//! - `additions`, `bulk`, `contents`: operations on many entries
//! - `uploads`: what comes through an upload path
//!
//! A file is complete on disk before the transaction that makes it visible; what no row names is
//! removed at the next start after a process was killed. So nothing half is ever seen, whatever stops the process.

mod accounts;
mod additions;
mod artifacts;
mod boxes;
mod bulk;
mod contents;
mod database;
mod files;
mod registries;
mod searches;
mod uploads;
mod versions;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use uuid::Uuid;

use super::signature;
use super::token::Hashed;
use super::{
    AccountError, BackendError, Blob, BoxDraft, Found, FoundBox, FoundRegistry, Login, NewBox,
    StorageError, Token, UploadAttempt, random_token,
};
use crate::domain::{
    Account, ArtifactName, BoxError, Clock, FileSelector, Name, NewVersion, Page, Query,
    ReadAccess, RegistryChange, Role, Version, Visibility,
};
use accounts::{HashedLogin, NewTokenRow};
pub(crate) use database::OpenError;
use database::{Database, Sqlite};
use files::Files;

/// A catalog in a database and a store of files. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct DurableCatalog {
    database: Database,
    files: Files,
    /// The last attempt of each upload under way in this process.
    attempts: Arc<DashMap<Uuid, Arc<UploadAttempt>>>,
    clock: Clock,
}

/// Methods that open a catalog.
impl DurableCatalog {
    /// Opens the catalog in a folder, and creates it if it is not there. Blocks while it does.
    ///
    /// # Errors
    /// When the folder cannot be used, or is in use.
    pub(crate) async fn open(folder: &Path, clock: Clock) -> Result<Self, OpenError> {
        let (sqlite, was_killed) = Sqlite::open(folder)?;
        let path = folder.join("files");
        let failed = |error| OpenError::Folder(path.clone(), error);
        let catalog = Self {
            database: Database::Sqlite(sqlite),
            files: Files::open(&path).map_err(failed)?,
            attempts: Arc::default(),
            clock,
        };
        if was_killed {
            let keys = catalog
                .database
                .read(|tx| Box::pin(versions::file_keys(tx)));
            catalog.files.remove_others(&keys.await?).map_err(failed)?;
        }
        Ok(catalog)
    }

    /// Returns whether the catalog was never in use: it has no root token.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn is_new(&self) -> Result<bool, BackendError> {
        let has_token = self
            .database
            .read(|tx| Box::pin(accounts::has_root_token(tx)));
        Ok(!has_token.await?)
    }

    /// Sets the root token. Without one, the catalog's own stays; if it has none, one is made, and
    /// returned.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn set_root_token(
        &self,
        token: Option<String>,
    ) -> Result<Option<String>, OpenError> {
        let (token, made) = match token {
            Some(token) => (token, None),
            None if !self.is_new().await? => return Ok(None),
            None => {
                let token = random_token().ok_or(OpenError::Randomness)?;
                (token.clone(), Some(token))
            }
        };
        let now = self.clock.now();
        let set = self.database.write(move |tx| {
            Box::pin(async move {
                accounts::set_root_token(tx, &token, now).await?;
                Ok::<_, BackendError>(())
            })
        });
        set.await?;
        Ok(made)
    }
}

/// Methods that concern artifacts and versions. [`Catalog`](super::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn create_artifact(
        &self,
        name: &ArtifactName,
        visibility: Visibility,
    ) -> Result<(), StorageError> {
        let name = name.clone();
        let create = self.database.write(move |tx| {
            Box::pin(async move { artifacts::create(tx, &name, visibility).await })
        });
        create.await.map(|_| ())
    }

    pub(crate) async fn find_artifact(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
    ) -> Result<(), StorageError> {
        let name = name.clone();
        let find = self
            .database
            .read(move |tx| Box::pin(async move { artifacts::find(tx, &name, access).await }));
        find.await.map(|_| ())
    }

    pub(crate) async fn delete_artifact(&self, name: &ArtifactName) -> Result<(), StorageError> {
        let name = name.clone();
        let delete = self
            .database
            .write(move |tx| Box::pin(async move { artifacts::delete(tx, &name).await }));
        self.files.remove(delete.await?).await;
        Ok(())
    }

    pub(crate) async fn create_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        new: NewVersion,
    ) -> Result<Arc<Version>, StorageError> {
        let (name, artifact_type, now) = (name.clone(), artifact_type.clone(), self.clock.now());
        let create = self.database.write(move |tx| {
            Box::pin(async move { versions::create(tx, &name, &artifact_type, new, now).await })
        });
        create.await
    }

    pub(crate) async fn search(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        access: ReadAccess,
        query: &Query,
        page: Page,
    ) -> Result<Found, StorageError> {
        let (name, artifact_type, query) = (name.clone(), artifact_type.clone(), query.clone());
        let search = self.database.read(move |tx| {
            Box::pin(async move {
                searches::search(tx, &name, &artifact_type, access, &query, page).await
            })
        });
        search.await
    }

    pub(crate) async fn file(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        access: ReadAccess,
        selector: FileSelector,
    ) -> Result<Blob, StorageError> {
        let (name, artifact_type) = (name.clone(), artifact_type.clone());
        let find = self.database.read(move |tx| {
            Box::pin(
                async move { versions::file(tx, &name, &artifact_type, access, selector).await },
            )
        });
        Ok(self.files.read(find.await?).await?)
    }

    pub(crate) async fn delete_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        number: u64,
    ) -> Result<(), StorageError> {
        let (name, artifact_type) = (name.clone(), artifact_type.clone());
        let delete = self.database.write(move |tx| {
            Box::pin(async move { bulk::delete_version(tx, &name, &artifact_type, number).await })
        });
        self.files.remove(delete.await?).await;
        Ok(())
    }
}

/// Methods that concern boxes. [`Catalog`](super::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn create_box(
        &self,
        name: &ArtifactName,
        new: NewBox,
    ) -> Result<FoundBox, StorageError> {
        let (name, now) = (name.clone(), self.clock.now());
        let create = self
            .database
            .write(move |tx| Box::pin(async move { boxes::create(tx, &name, new, now).await }));
        create.await
    }

    pub(crate) async fn find_box(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
    ) -> Result<FoundBox, StorageError> {
        let name = name.clone();
        let find = self
            .database
            .read(move |tx| Box::pin(async move { boxes::find(tx, &name, access).await }));
        find.await
    }

    pub(crate) async fn boxes(&self) -> Result<Vec<FoundBox>, StorageError> {
        self.database.read(|tx| Box::pin(boxes::all(tx))).await
    }

    pub(crate) async fn change_box<T: Send + 'static>(
        &self,
        name: &ArtifactName,
        change: impl FnOnce(&mut BoxDraft) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<(FoundBox, T), StorageError> {
        let (name, now) = (name.clone(), self.clock.now());
        let change = self
            .database
            .write(move |tx| Box::pin(async move { boxes::change(tx, &name, now, change).await }));
        self.changed(change.await?).await
    }

    pub(crate) async fn delete_box(&self, name: &ArtifactName) -> Result<FoundBox, StorageError> {
        let name = name.clone();
        let delete = self
            .database
            .write(move |tx| Box::pin(async move { boxes::delete(tx, &name).await }));
        Ok(self.changed(delete.await?).await?.0)
    }

    pub(crate) async fn complete_box_upload(
        &self,
        name: &ArtifactName,
        upload: Uuid,
    ) -> Result<FoundBox, StorageError> {
        let (name, now) = (name.clone(), self.clock.now());
        let complete = self.database.write(move |tx| {
            Box::pin(async move { boxes::complete_upload(tx, &name, upload, now).await })
        });
        let (found, ()) = self.changed(complete.await?).await?;
        self.attempts.remove(&upload);
        Ok(found)
    }

    pub(crate) async fn count_download(&self, name: &ArtifactName) -> Result<(), StorageError> {
        let name = name.clone();
        let count = self
            .database
            .write(move |tx| Box::pin(async move { boxes::count_download(tx, &name).await }));
        count.await
    }

    /// Removes the files that a change has left without a name.
    async fn changed<T>(
        &self,
        boxes::Changed {
            found,
            result,
            removed,
        }: boxes::Changed<T>,
    ) -> Result<(FoundBox, T), StorageError> {
        self.files.remove(removed).await;
        Ok((found, result))
    }
}

/// Methods that concern accounts and tokens. [`Catalog`](super::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn account_of_token(
        &self,
        token: &str,
    ) -> Result<Option<Arc<Account>>, StorageError> {
        let (token, now) = (token.to_owned(), self.clock.now());
        let find = self.database.read(move |tx| {
            Box::pin(
                async move { Ok::<_, StorageError>(accounts::of_token(tx, &token, now).await?) },
            )
        });
        find.await
    }

    pub(crate) async fn log_in(
        &self,
        login: &Login<'_>,
        description: &str,
    ) -> Result<(Token, String), StorageError> {
        let login = HashedLogin {
            name: login.name.to_owned(),
            password: Hashed::of(login.password),
            code: login.code.map(Hashed::of),
        };
        let (new, value) = self.new_token(description)?;
        let log_in = self
            .database
            .write(move |tx| Box::pin(async move { accounts::log_in(tx, &login, new).await }));
        Ok((log_in.await?, value))
    }

    pub(crate) async fn log_out(&self, token: &str) -> Result<(), StorageError> {
        let token = Hashed::of(token);
        self.database
            .write(move |tx| Box::pin(accounts::log_out(tx, token)))
            .await
    }

    pub(crate) async fn has_second_factor(
        &self,
        login: &str,
        password: &str,
    ) -> Result<bool, StorageError> {
        let (login, password) = (login.to_owned(), Hashed::of(password));
        let find = self.database.read(move |tx| {
            Box::pin(async move { accounts::by_password(tx, &login, password).await })
        });
        let (_, two_factor) = find.await?;
        Ok(two_factor.is_some())
    }

    pub(crate) async fn create_token(
        &self,
        username: &Name,
        description: &str,
    ) -> Result<(Token, String), StorageError> {
        let username = username.clone();
        let (new, value) = self.new_token(description)?;
        let create = self.database.write(move |tx| {
            Box::pin(async move { accounts::create_token(tx, &username, new).await })
        });
        Ok((create.await?, value))
    }

    fn new_token(&self, description: &str) -> Result<(NewTokenRow, String), AccountError> {
        let value = random_token().ok_or(AccountError::Randomness)?;
        let new = NewTokenRow {
            hash: Hashed::of(&value),
            description: description.to_owned(),
            created: self.clock.now(),
        };
        Ok((new, value))
    }

    pub(crate) async fn tokens(&self) -> Result<Vec<Token>, StorageError> {
        let read = self
            .database
            .read(|tx| Box::pin(async move { Ok::<_, StorageError>(accounts::tokens(tx).await?) }));
        read.await
    }

    pub(crate) async fn revoke_token(&self, id: Uuid) -> Result<(), StorageError> {
        self.database
            .write(move |tx| Box::pin(accounts::revoke(tx, id)))
            .await
    }

    pub(crate) async fn role(
        &self,
        account: &Account,
        namespace: &Name,
    ) -> Result<Option<Role>, StorageError> {
        if let Some(role) = account.own_role(namespace) {
            return Ok(Some(role));
        }
        let (username, namespace) = (account.username.clone(), namespace.clone());
        let find = self.database.read(move |tx| {
            Box::pin(async move {
                Ok::<_, StorageError>(accounts::membership(tx, &username, &namespace).await?)
            })
        });
        find.await
    }
}

/// Methods that concern registries and access tokens. [`Catalog`](super::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn issue_access_token(
        &self,
        client: &str,
        token: &str,
        lifetime: Duration,
    ) -> Result<(Arc<Account>, String), StorageError> {
        let (client, token) = (client.to_owned(), token.to_owned());
        let expires = self.clock.now() + lifetime;
        let issue = self.database.read(move |tx| {
            Box::pin(
                async move { accounts::issue_access_token(tx, &client, &token, expires).await },
            )
        });
        issue.await
    }

    pub(crate) async fn sign(
        &self,
        path: &str,
        lifetime: Duration,
    ) -> Result<Option<String>, StorageError> {
        let expires = self.clock.now() + lifetime;
        let root = self.root().await?;
        Ok(root.map(|(key, _)| signature::sign(key, path, expires)))
    }

    pub(crate) async fn account_of_signature(
        &self,
        path: &str,
        signature: &str,
    ) -> Result<Option<Arc<Account>>, StorageError> {
        let now = self.clock.now();
        let root = self.root().await?;
        let root = root.filter(|(key, _)| signature::is_valid(*key, path, signature, now));
        Ok(root.map(|(_, account)| account))
    }

    async fn root(&self) -> Result<Option<(Hashed, Arc<Account>)>, BackendError> {
        self.database.read(|tx| Box::pin(accounts::root(tx))).await
    }

    pub(crate) async fn registries(&self) -> Result<Vec<FoundRegistry>, StorageError> {
        let read = self
            .database
            .read(|tx| Box::pin(async move { Ok::<_, StorageError>(registries::all(tx).await?) }));
        read.await
    }

    pub(crate) async fn registry(
        &self,
        name: &Name,
    ) -> Result<Option<FoundRegistry>, StorageError> {
        let name = name.clone();
        let find = self.database.read(move |tx| {
            Box::pin(async move { Ok::<_, StorageError>(registries::get(tx, &name).await?) })
        });
        find.await
    }

    pub(crate) async fn is_active(&self, namespace: &Name) -> Result<bool, StorageError> {
        let found = self.registry(namespace).await?;
        Ok(found.is_none_or(|found| found.registry.is_active))
    }

    pub(crate) async fn create_registry(
        &self,
        name: &Name,
        change: RegistryChange,
    ) -> Result<FoundRegistry, StorageError> {
        let (name, now) = (name.clone(), self.clock.now());
        let create = self.database.write(move |tx| {
            Box::pin(async move { registries::create(tx, &name, change, now).await })
        });
        create.await
    }

    pub(crate) async fn change_registry(
        &self,
        name: &Name,
        change: RegistryChange,
    ) -> Result<FoundRegistry, StorageError> {
        let (name, now) = (name.clone(), self.clock.now());
        let change = self.database.write(move |tx| {
            Box::pin(async move { registries::change(tx, &name, change, now).await })
        });
        change.await
    }

    pub(crate) async fn delete_registry(&self, name: &Name) -> Result<FoundRegistry, StorageError> {
        let name = name.clone();
        let delete = self
            .database
            .write(move |tx| Box::pin(async move { registries::delete(tx, &name).await }));
        let (found, removed) = delete.await?;
        self.files.remove(removed).await;
        Ok(found)
    }
}
