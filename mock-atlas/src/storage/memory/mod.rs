//! The catalog in memory: artifacts, their versions, their uploads, and accounts.
//!
//! - `versions`: the versions of one artifact type; `index`: the index for searches
//! - `boxes`: the boxes of artifacts and their files; `box_entry`: one box with its uploads
//! - `accounts`: users, organisations and tokens; `quotas`: how many bytes an owner may have
//! - `bulk`: atomic changes and reads of many entries
//! - `imports`: versions and boxes as they were elsewhere; `channels`: names that point at versions
//! - `record`: the artifacts as serializable values
//! - `listing`: lists of artifacts, page by page
//! - `webhooks`: receivers of events, and the deliveries to them
//!
//! A [`MemoryCatalog`] is a cheap handle. Its methods are synchronous and return owned values, so
//! that no guard of a map is held across an await. An artifact with all its versions is one entry
//! of one map, so that readers see it before or after a change, but never during one.

mod accounts;
mod audit;
mod box_entry;
mod boxes;
mod bulk;
mod channels;
mod imports;
mod index;
mod listing;
mod quotas;
mod record;
mod versions;
mod webhooks;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::HashMap;
use foldhash::fast::RandomState;
use uuid::Uuid;

use super::{
    AccountError, Blob, FoundRegistry, Login, StorageError, Token, TokenLimits, TypeKey,
    UploadAttempt, UploadTarget, VersionKey,
};
use crate::domain::{
    Account, ArtifactName, AuditEntry, AuditQuery, BOX_TYPE, Clock, EventKind, FileSelector, Name,
    NewVersion, NumberedEntry, Page, Query, ReadAccess, RegistryChange, Role, Version, Visibility,
    Webhook,
};
pub(crate) use accounts::AccountTables;
use accounts::Accounts;
use audit::Audit;
use box_entry::BoxEntry;
use quotas::Quotas;
use versions::Versions;
use webhooks::{Webhooks, facts};

/// The versions that a page found, the newest first, and the next page of the search, if it is not
/// complete.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) versions: Vec<Arc<Version>>,
    pub(crate) next: Option<Page>,
}

/// A catalog in memory of artifacts with their versions and files, uploads, and accounts.
///
/// Operations on one entry share the lock of the maps. Operations on many entries hold it
/// exclusively, so that readers never see a partial change.
#[derive(Clone, Debug)]
pub(crate) struct MemoryCatalog {
    maps: Arc<RwLock<Maps>>,
    accounts: Arc<Accounts>,
    clock: Clock,
    /// A copy has the audit of its original: a reset is part of it.
    audit: Arc<Audit>,
    webhooks: Arc<Webhooks>,
}

#[derive(Clone, Debug, Default)]
struct Maps {
    artifacts: DashMap<ArtifactName, Artifact, RandomState>,
    /// The target of each upload. An entry lives as long as its version, since a client may send
    /// the same bytes again.
    uploads: DashMap<Uuid, UploadTarget, RandomState>,
    /// The types of deleted artifacts, without versions: their numbers go on if an artifact of the
    /// same name is created again.
    deleted: DashMap<ArtifactName, HashMap<Name, Versions>, RandomState>,
    quotas: Quotas,
}

#[derive(Clone, Debug)]
struct Artifact {
    /// The place in lists of artifacts.
    place: u64,
    visibility: Visibility,
    // Contract: artifacts.several-types
    types: HashMap<Name, Versions>,
    vagrant_box: Option<Box<BoxEntry>>,
}

/// Methods that concern one entry. [`Catalog`](super::Catalog) documents them.
impl MemoryCatalog {
    /// Creates an empty catalog that uses `clock`. Its only account is that of the root token.
    pub(crate) fn new(root: Name, token: &str, clock: Clock) -> Self {
        Self {
            maps: Arc::default(),
            accounts: Arc::new(Accounts::new(AccountTables::new(
                root,
                token,
                clock.clone(),
            ))),
            clock,
            audit: Arc::default(),
            webhooks: Arc::default(),
        }
    }

    // Contract: artifacts.taken
    pub(crate) fn create_artifact(
        &self,
        name: &ArtifactName,
        visibility: Visibility,
    ) -> Result<(), StorageError> {
        AccountError::check_reserved(&name.username)?;
        let maps = self.maps();
        match maps.artifacts.entry(name.clone()) {
            Entry::Occupied(_) => Err(StorageError::NameTaken),
            Entry::Vacant(place) => {
                place.insert(maps.new_artifact(name, visibility));
                Ok(())
            }
        }
    }

    pub(crate) fn find_artifact(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
    ) -> Result<(), StorageError> {
        self.maps().read(name, access, |_| ())
    }

    pub(crate) fn create_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        new: NewVersion,
        by: Option<&Name>,
    ) -> Result<Arc<Version>, StorageError> {
        let maps = self.maps();
        let (version, key) = {
            let mut artifact = maps.artifacts.get_mut(name).ok_or(StorageError::NotFound)?;
            new.check(artifact_type)?;
            let (name, artifact) = artifact.pair_mut();
            let added = artifact.add(name, artifact_type, new, self.clock.now())?;
            if added.0.is_visible() {
                let facts = || facts(artifact_type, added.0.number, None);
                self.tell_version(EventKind::VersionPublished, (name, by), facts);
            }
            added
        };
        maps.uploads
            .insert(version.upload, UploadTarget::Version(key));
        Ok(version)
    }

    // Contract: search.nothing-matches
    pub(crate) fn search(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        access: ReadAccess,
        query: &Query,
        page: Page,
    ) -> Result<Found, StorageError> {
        self.maps().read(name, access, |artifact| {
            let versions = artifact.types.get(artifact_type);
            versions
                .map(|versions| versions.search(query, page))
                .unwrap_or_default()
        })
    }

    // Contract: download.no-file
    pub(crate) fn file(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        access: ReadAccess,
        selector: FileSelector,
    ) -> Result<Blob, StorageError> {
        let file = self.maps().read(name, access, |artifact| {
            let versions = artifact.types.get(artifact_type)?;
            versions.selected_file(selector).cloned()
        })?;
        file.ok_or(StorageError::NotFound)
    }

    pub(crate) fn begin_upload(
        &self,
        upload: Uuid,
        announced: Option<u64>,
    ) -> Result<Arc<UploadAttempt>, StorageError> {
        let maps = self.maps();
        let artifact = |name| maps.artifacts.get_mut(name).ok_or(StorageError::NotFound);
        match maps.target(upload)? {
            UploadTarget::Version(key) => {
                let quota = maps.quotas.get(&key.of.artifact.username);
                let mut artifact = artifact(&key.of.artifact)?;
                let versions = artifact.versions_mut(&key)?;
                versions.begin_upload(key.number, announced, quota)
            }
            UploadTarget::Box(name) => {
                let quota = maps.quotas.get(&name.username);
                let mut artifact = artifact(&name)?;
                let entry = artifact.box_entry_mut()?;
                entry.begin_upload(upload, announced, quota)
            }
        }
    }

    pub(crate) fn finish_upload(&self, upload: Uuid, blob: Blob) -> Result<(), StorageError> {
        let maps = self.maps();
        match maps.target(upload)? {
            UploadTarget::Version(key) => {
                let name = &key.of.artifact;
                let artifact = maps.artifacts.get_mut(name);
                let mut artifact = artifact.ok_or(StorageError::NotFound)?;
                let versions = artifact.versions_mut(&key)?;
                let is_new = versions.file(key.number).is_none();
                let (owner, len) = (&name.username, blob.len());
                if is_new {
                    maps.quotas.take(owner, len, 0)?;
                }
                let finished = versions.finish_upload(key.number, blob);
                if is_new && finished.is_err() {
                    maps.quotas.give_back(owner, len);
                }
                finished?;
                if is_new {
                    self.file_has_come(&maps, &mut artifact, &key);
                }
                Ok(())
            }
            UploadTarget::Box(name) => {
                drop(maps);
                self.finish_box_upload(&name, upload, blob)
            }
        }
    }

    /// Tells webhooks of a version whose file has come, and adds the box that it describes.
    fn file_has_come(&self, maps: &Maps, artifact: &mut Artifact, key: &VersionKey) {
        let TypeKey {
            artifact: name,
            artifact_type,
        } = &*key.of;
        let versions = artifact.types.get(artifact_type);
        let file = || versions.and_then(|versions| versions.file(key.number));
        // The path of an upload names no user.
        self.tell_version(EventKind::VersionPublished, (name, None), || {
            facts(artifact_type, key.number, file())
        });
        if artifact_type.as_str() == BOX_TYPE {
            let before = self.box_before(artifact);
            maps.add_pushed_box(name, artifact, key.number, self.clock.now());
            self.tell_box((name, None), before, artifact);
        }
    }

    pub(crate) fn uploaded(&self, upload: Uuid) -> Result<Option<Blob>, StorageError> {
        self.of_upload(
            upload,
            |artifact, key| artifact.versions_mut(key)?.uploaded(key.number),
            |artifact| artifact.box_uploaded(upload),
        )
    }

    pub(crate) fn upload_age(&self, upload: Uuid) -> Result<Duration, StorageError> {
        let created = self.of_upload(
            upload,
            |artifact, key| artifact.versions_mut(key)?.created(key.number),
            |artifact| {
                let entry = artifact.box_entry_mut()?;
                Ok(entry.vagrant_box.upload(upload)?.1.created)
            },
        )?;
        // A clock that was set back gives an age of zero.
        Ok(self.clock.now().duration_since(created).unwrap_or_default())
    }

    pub(crate) fn expire_upload(&self, upload: Uuid) {
        self.maps().uploads.remove(&upload);
    }

    pub(crate) fn upload_target(&self, upload: Uuid) -> Result<UploadTarget, StorageError> {
        self.maps().target(upload)
    }

    pub(crate) fn upload_slug(&self, upload: Uuid) -> Result<String, StorageError> {
        let maps = self.maps();
        match maps.target(upload)? {
            UploadTarget::Version(key) => {
                let TypeKey {
                    artifact,
                    artifact_type,
                } = &*key.of;
                Ok(artifact.slug(artifact_type, key.number))
            }
            UploadTarget::Box(name) => {
                let artifact = maps.artifacts.get(&name).ok_or(StorageError::NotFound)?;
                artifact.provider_slug(&name, upload)
            }
        }
    }

    /// Calls one of two functions with the artifact of an upload's target: `of_version` for the
    /// file of a version, `of_box` for that of a box.
    fn of_upload<T>(
        &self,
        upload: Uuid,
        of_version: impl FnOnce(&mut Artifact, &VersionKey) -> Result<T, StorageError>,
        of_box: impl FnOnce(&mut Artifact) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let maps = self.maps();
        let artifact = |name| maps.artifacts.get_mut(name).ok_or(StorageError::NotFound);
        match maps.target(upload)? {
            UploadTarget::Version(key) => of_version(&mut *artifact(&key.of.artifact)?, &key),
            UploadTarget::Box(name) => of_box(&mut *artifact(&name)?),
        }
    }

    pub(crate) fn record(&self, entry: AuditEntry) {
        self.audit.record(entry);
    }

    pub(crate) fn audit(&self, query: &AuditQuery) -> Vec<NumberedEntry> {
        self.audit.find(query)
    }

    pub(crate) fn account_of_token(&self, token: &str) -> Option<Arc<Account>> {
        self.accounts.by_token(token)
    }

    pub(crate) fn log_in(
        &self,
        login: &Login<'_>,
        description: &str,
        limits: TokenLimits,
    ) -> Result<(Token, String), AccountError> {
        self.accounts.log_in(login, description, limits)
    }

    pub(crate) fn log_out(&self, token: &str) -> Result<(), AccountError> {
        self.accounts.log_out(token)
    }

    pub(crate) fn has_second_factor(
        &self,
        login: &str,
        password: &str,
    ) -> Result<bool, AccountError> {
        self.accounts.has_second_factor(login, password)
    }

    pub(crate) fn create_token(
        &self,
        username: &Name,
        description: &str,
        limits: TokenLimits,
    ) -> Result<(Token, String), AccountError> {
        self.accounts.create_token(username, description, limits)
    }

    pub(crate) fn tokens(&self) -> Vec<Token> {
        self.accounts.tokens()
    }

    pub(crate) fn revoke_token(&self, id: Uuid) -> Result<(), AccountError> {
        self.accounts.revoke(id)
    }

    pub(crate) fn role(&self, account: &Account, namespace: &Name) -> Option<Role> {
        self.accounts.role(account, namespace)
    }

    pub(crate) fn issue_access_token(
        &self,
        client: &str,
        token: &str,
        lifetime: Duration,
    ) -> Result<(Arc<Account>, String), AccountError> {
        self.accounts.issue_access_token(client, token, lifetime)
    }

    pub(crate) fn prove(&self, text: &str) -> blake3::Hash {
        self.accounts.prove(text)
    }

    pub(crate) fn sign(&self, path: &str, lifetime: Duration) -> Option<String> {
        self.accounts.sign(path, lifetime)
    }

    pub(crate) fn account_of_signature(&self, path: &str, signature: &str) -> Option<Arc<Account>> {
        self.accounts.by_signature(path, signature)
    }

    pub(crate) fn registries_of(&self, account: &Account) -> Vec<FoundRegistry> {
        self.accounts.registries_of(account)
    }

    pub(crate) fn registry(&self, name: &Name) -> Option<FoundRegistry> {
        self.accounts.registry(name)
    }

    pub(crate) fn is_active(&self, namespace: &Name) -> bool {
        self.accounts.is_active(namespace)
    }

    pub(crate) fn create_registry(
        &self,
        name: &Name,
        change: RegistryChange,
    ) -> Result<FoundRegistry, AccountError> {
        self.accounts.create_registry(name, change)
    }

    pub(crate) fn change_registry(
        &self,
        name: &Name,
        change: RegistryChange,
    ) -> Result<FoundRegistry, AccountError> {
        self.accounts.change_registry(name, change)
    }

    /// Creates another catalog that uses the same clock.
    fn with(&self, accounts: Accounts, maps: Maps, webhooks: Vec<Webhook>) -> Self {
        Self {
            maps: Arc::new(RwLock::new(maps)),
            accounts: Arc::new(accounts),
            clock: self.clock.clone(),
            audit: Arc::clone(&self.audit),
            webhooks: Arc::new(self.webhooks.beside(webhooks)),
        }
    }

    fn maps(&self) -> RwLockReadGuard<'_, Maps> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn maps_exclusive(&self) -> RwLockWriteGuard<'_, Maps> {
        self.maps.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Maps {
    fn new_artifact(&self, name: &ArtifactName, visibility: Visibility) -> Artifact {
        let types = self.deleted.remove(name).map(|(_, types)| types);
        Artifact {
            place: listing::next_place(),
            visibility,
            types: types.unwrap_or_default(),
            vagrant_box: None,
        }
    }

    /// Reads an artifact, if `access` allows it.
    // Contract: auth.hidden-like-missing, artifacts.get-missing, search.missing-artifact
    // Contract: search.hidden-artifact
    fn read<T>(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
        read: impl FnOnce(&Artifact) -> T,
    ) -> Result<T, StorageError> {
        match self.artifacts.get(name) {
            Some(artifact) if access.allows(artifact.visibility) => Ok(read(&artifact)),
            _ => Err(StorageError::NotFound),
        }
    }

    fn target(&self, upload: Uuid) -> Result<UploadTarget, StorageError> {
        let target = self.uploads.get(&upload).ok_or(StorageError::NotFound)?;
        Ok(target.clone())
    }
}

impl Artifact {
    fn versions_mut(&mut self, key: &VersionKey) -> Result<&mut Versions, StorageError> {
        let versions = self.types.get_mut(&key.of.artifact_type);
        versions.ok_or(StorageError::NotFound)
    }

    /// Returns the versions of a type, which comes to exist. `name` is the key of the map.
    fn versions_of(&mut self, name: &ArtifactName, artifact_type: &Name) -> &mut Versions {
        let of_type = self.types.entry(artifact_type.clone());
        of_type.or_insert_with_key(|artifact_type| {
            Versions::new(TypeKey {
                artifact: name.clone(),
                artifact_type: artifact_type.clone(),
            })
        })
    }

    /// Creates the next version of a type, and returns it with its key. `name` is the key of the
    /// map, so that the new key shares its text.
    fn add(
        &mut self,
        name: &ArtifactName,
        artifact_type: &Name,
        new: NewVersion,
        created: SystemTime,
    ) -> Result<(Arc<Version>, VersionKey), StorageError> {
        let versions = self.versions_of(name, artifact_type);
        let version = versions.add(new, created)?;
        let key = versions.key(version.number);
        Ok((version, key))
    }
}
