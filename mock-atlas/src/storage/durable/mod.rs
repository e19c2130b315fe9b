//! The catalog that keeps what it is given: metadata in a database, bytes in a store of files.
//!
//! - `database`: the database, SQLite or PostgreSQL; `schema`: its tables
//! - `files`: the files, with their rows; `sweeper`: removes files that are no longer needed, in the
//!   background
//! - `artifacts`, `versions`, `searches`, `boxes`, `box_uploads`, `registries`, `accounts`, `tokens`,
//!   `account_records`: operations within a transaction; `audit`: who changed what; `known_tokens`: tokens that
//!   need not be read again
//! - `additions`, `bulk`, `contents`: operations on many entries; `kept_files`: the files of an import
//! - `imports`: versions and boxes as they were elsewhere; `moves`: everything of another catalog
//! - `check`: checks that everything is whole; `descriptions`: describes files beside their bytes, and makes
//!   a database of the descriptions
//! - `uploads`: what comes through an upload path; `quotas`: how many bytes an owner may have;
//!   `channels`: names that point at versions
//! - `listing`: lists of artifacts, page by page
//! - `webhooks`: receivers of events, and the deliveries to them
//! - `methods`: methods of the catalog for boxes, accounts and registries
//!
//! A file is complete on disk before the transaction that makes it visible, so that nothing half is ever
//! seen, whatever stops the process.

mod account_records;
mod accounts;
mod additions;
mod artifacts;
mod audit;
mod box_uploads;
mod boxes;
mod bulk;
mod channels;
mod check;
mod contents;
mod database;
mod descriptions;
mod files;
mod imports;
mod kept_files;
mod known_tokens;
mod listing;
mod methods;
mod moves;
mod quotas;
mod registries;
mod searches;
mod sweeper;
mod tokens;
mod uploads;
mod versions;
mod webhooks;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::Notify;
use tokio::time::timeout;
use uuid::Uuid;

use super::disk::Disk;
use super::free_space::{FreeSpace, LEAST_FREE};
use super::last_use::LastUse;
use super::{BackendError, Blob, Found, Location, StorageError, Store, UploadAttempt};
use crate::domain::{
    ArtifactName, Clock, FileSelector, Name, NewVersion, Page, Query, ReadAccess, Version,
    Visibility,
};
use audit::AuditWriter;
pub use check::{CheckProgress, CheckReport, Damage};
pub(crate) use database::OpenError;
use database::{Database, Postgres, Sqlite};
use files::Files;
pub(crate) use files::Swept;
pub(crate) use kept_files::KeptFiles;
use known_tokens::KnownTokens;
pub use moves::Moved;
use sweeper::Sweeper;
use webhooks::Telling;

/// The longest wait for the answer whether the database is ready: whoever asks has little patience.
const READY: Duration = Duration::from_secs(3);

/// A catalog in a database and a store of files. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct DurableCatalog {
    database: Database,
    files: Files,
    space: FreeSpace,
    disk: Disk,
    /// The last attempt of each upload under way in this process.
    attempts: Arc<DashMap<Uuid, Arc<UploadAttempt>>>,
    audit: AuditWriter,
    known_tokens: KnownTokens,
    /// The last use of each token, as far as this process has seen it.
    last_uses: Arc<DashMap<Uuid, LastUse>>,
    clock: Clock,
    /// Is notified when this process has written deliveries to webhooks.
    wake: Arc<Notify>,
    /// The sweeper, once it is started. It ends with the last handle.
    sweeper: Arc<OnceLock<Sweeper>>,
}

/// Methods that open and close a catalog.
impl DurableCatalog {
    /// Opens the catalog in a folder, and creates it if it is not there. The bytes of files are in the folder
    /// as well, unless `blobs` names another place for them. Blocks while it does.
    ///
    /// # Errors
    /// When the folder cannot be used, or is in use, and when the place for files cannot be used.
    pub(crate) async fn open(
        folder: &Path,
        blobs: Option<&Location>,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let disk = Disk::new();
        let database = Database::Sqlite(Sqlite::open(folder, disk.clone())?);
        let own = Location::Folder(folder.join("files"));
        let store = Store::open(blobs.unwrap_or(&own), &disk).await?;
        Self::new(database, store, (folder, disk), clock).await
    }

    /// Refuses growth that would leave less than `least` bytes of the folder's disk free.
    pub(crate) fn keep_free(self, folder: &Path, least: u64) -> Self {
        let space = FreeSpace::new(folder, least);
        Self { space, ..self }
    }

    /// Checks whether there is space for so many bytes more. What grows without a check, such as tokens,
    /// takes little, and lets somebody log in who deletes something.
    ///
    /// # Errors
    /// An error of the kind [`Full`](super::BackendErrorKind::Full).
    pub(crate) async fn check_space(&self, more: u64) -> Result<(), BackendError> {
        self.space.check(more).await
    }

    /// Returns the free space in bytes of the disk; `None` if the system does not tell.
    pub(crate) async fn free_space(&self) -> Option<u64> {
        self.space.measure().await
    }

    /// Connects to a catalog that several servers share: a database of PostgreSQL, named by its URL, and a
    /// place for the bytes of files.
    ///
    /// # Errors
    /// When the database or the place cannot be used.
    pub(crate) async fn connect(
        database: &str,
        blobs: &Location,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let disk = Disk::new();
        let database = Database::Postgres(Postgres::open(database).await?);
        let store = Store::open(blobs, &disk).await?;
        Self::new(database, store, (&blobs.scratch(), disk), clock).await
    }

    async fn new(
        database: Database,
        store: Store,
        (scratch, disk): (&Path, Disk),
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let catalog = Self::of(database, store, (scratch, disk), clock);
        catalog.files.check_identity().await?;
        Ok(catalog)
    }

    /// Opens the catalog in a folder beside a process that may have it, to check what is there.
    ///
    /// # Errors
    /// When there is no database in the folder, or it is that of another version of this program, and when
    /// the place for files cannot be used.
    pub(crate) async fn open_beside(
        folder: &Path,
        blobs: Option<&Location>,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let disk = Disk::new();
        let database = Database::Sqlite(Sqlite::open_beside(folder)?);
        let own = Location::Folder(folder.join("files"));
        let store = Store::open(blobs.unwrap_or(&own), &disk).await?;
        Ok(Self::of(database, store, (folder, disk), clock))
    }

    fn of(database: Database, store: Store, (scratch, disk): (&Path, Disk), clock: Clock) -> Self {
        Self {
            files: Files::new(database.clone(), store, clock.clone()),
            database,
            disk,
            space: FreeSpace::new(scratch, LEAST_FREE),
            attempts: Arc::default(),
            audit: AuditWriter::default(),
            known_tokens: KnownTokens::default(),
            last_uses: Arc::default(),
            clock,
            wake: Arc::default(),
            sweeper: Arc::default(),
        }
    }

    /// Opens the catalog in a folder, with the bytes of files in a store.
    #[cfg(all(test, feature = "real-clients"))]
    pub(crate) async fn open_with(
        folder: &Path,
        store: Store,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let disk = Disk::new();
        let database = Database::Sqlite(Sqlite::open(folder, disk.clone())?);
        Self::new(database, store, (folder, disk), clock).await
    }

    /// Returns where the database is: the URL without its password; `None` for a folder.
    pub(crate) fn database_url(&self) -> Option<&str> {
        match &self.database {
            Database::Sqlite(_) => None,
            Database::Postgres(postgres) => Some(postgres.shown()),
        }
    }

    /// Checks whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) async fn check_ready(&self) -> Result<(), BackendError> {
        let ask = self
            .database
            .look_up(|tx| Box::pin(async move { tx.row("SELECT 1", &[]).await }));
        let answered = timeout(READY, ask).await;
        let slow = |_| BackendError::unavailable("the database does not answer");
        answered.map_err(slow)?.map(|_| ())
    }

    /// Ends all writing, once what waits is on disk. Later operations fail.
    pub(crate) async fn close(&self) {
        let lost = self.audit.close().await;
        if lost > 0 {
            tracing::error!(
                lost,
                "entries of the audit are lost: the database took none"
            );
        }
        self.database.close().await;
    }

    /// Waits until the disk fails, and returns the reason.
    pub(crate) async fn failed(&self) -> String {
        self.disk.failed().await
    }

    /// Returns whether the catalog was never in use: it has no root token.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn is_new(&self) -> Result<bool, BackendError> {
        let has_token = self
            .database
            .look_up(|tx| Box::pin(tokens::has_root_token(tx)));
        Ok(!has_token.await?)
    }

    /// Sets the root token. The one before is void then, unless it is the same.
    ///
    /// # Errors
    /// [`AccountError::TokenTaken`](super::AccountError::TokenTaken) for the token of a user.
    pub(crate) async fn set_root_token(&self, token: String) -> Result<(), StorageError> {
        let now = self.clock.now();
        let set = self.database.write(move |tx| {
            Box::pin(async move { tokens::set_root_token(tx, &token, now).await })
        });
        set.await
    }
}

/// Methods that concern artifacts and versions. [`Catalog`](super::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn create_artifact(
        &self,
        name: &ArtifactName,
        visibility: Visibility,
    ) -> Result<(), StorageError> {
        self.check_space(0).await?;
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
            .look_up(move |tx| Box::pin(async move { artifacts::find(tx, &name, access).await }));
        find.await.map(|_| ())
    }

    pub(crate) async fn delete_artifact(
        &self,
        name: &ArtifactName,
        by: Option<&Name>,
    ) -> Result<(), StorageError> {
        let (name, telling) = (name.clone(), Telling::new(by, self.clock.now()));
        let told = Arc::clone(&telling);
        let delete = self
            .database
            .write(move |tx| Box::pin(async move { artifacts::delete(tx, &name, &telling).await }));
        delete.await?;
        self.wake_if_told(&told);
        Ok(())
    }

    pub(crate) async fn create_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        new: NewVersion,
        by: Option<&Name>,
    ) -> Result<Arc<Version>, StorageError> {
        self.check_space(0).await?;
        let (name, artifact_type, now) = (name.clone(), artifact_type.clone(), self.clock.now());
        let telling = Telling::new(by, now);
        let told = Arc::clone(&telling);
        let create = self.database.write_once(move |tx| {
            Box::pin(async move {
                versions::create(tx, &name, &artifact_type, new, (&telling, now)).await
            })
        });
        let version = create.await?;
        self.wake_if_told(&told);
        Ok(version)
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
        let find = self.database.look_up(move |tx| {
            Box::pin(
                async move { versions::file(tx, &name, &artifact_type, access, selector).await },
            )
        });
        let read = self.files.read(find.await?).await;
        Ok(read.map_err(BackendError::from)?)
    }

    pub(crate) async fn delete_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        number: u64,
        by: Option<&Name>,
    ) -> Result<(), StorageError> {
        let (name, artifact_type) = (name.clone(), artifact_type.clone());
        let telling = Telling::new(by, self.clock.now());
        let told = Arc::clone(&telling);
        let delete = self.database.write(move |tx| {
            Box::pin(async move {
                bulk::delete_version(tx, &name, (&artifact_type, number), &telling).await
            })
        });
        delete.await?;
        self.wake_if_told(&told);
        Ok(())
    }
}
