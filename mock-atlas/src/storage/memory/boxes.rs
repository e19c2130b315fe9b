//! Boxes in memory. A box is a part of its artifact's entry; its files are versions of the type
//! `vagrant.box`.

use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use super::box_entry::BoxEntry;
use super::{Artifact, Maps, MemoryCatalog, Versions};
use crate::domain::{
    ArtifactName, BOX_TYPE, BoxDifference, BoxError, BoxProvider, FileState, HostedFile, Name,
    NewVersion, ProviderPlace, PushedBox, ReadAccess, VagrantBox, Version,
};
use crate::storage::found_box::Unreferenced;
use crate::storage::{
    AccountError, BackendError, Blob, BoxDraft, FoundBox, FoundRegistry, NewBox, StorageError,
    UploadTarget,
};

/// Methods that concern boxes. [`Catalog`](crate::storage::Catalog) documents them.
impl MemoryCatalog {
    pub(crate) fn create_box(
        &self,
        name: &ArtifactName,
        new: NewBox,
    ) -> Result<FoundBox, StorageError> {
        AccountError::check_reserved(&name.username)?;
        let maps = self.maps();
        let artifact = || maps.new_artifact(name, new.unless_told);
        let mut artifact = maps.artifacts.entry(name.clone()).or_insert_with(artifact);
        if artifact.vagrant_box.is_some() {
            return Err(BoxError::BoxTaken.into());
        }
        if let Some(visibility) = new.visibility {
            artifact.visibility = visibility;
        }
        let NewBox {
            short_description,
            description,
            ..
        } = new;
        let new = VagrantBox::new(short_description, description, self.clock.now());
        artifact.vagrant_box = Some(Box::new(BoxEntry::new(new)));
        artifact.found_box(name)
    }

    pub(crate) fn find_box(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
    ) -> Result<FoundBox, StorageError> {
        let maps = self.maps();
        maps.read(name, access, |artifact| artifact.found_box(name))?
    }

    pub(crate) fn boxes(&self) -> Vec<FoundBox> {
        let maps = self.maps();
        let found = maps.artifacts.iter();
        found
            .filter_map(|artifact| artifact.found_box(artifact.key()).ok())
            .collect()
    }

    pub(crate) fn change_box<T>(
        &self,
        name: &ArtifactName,
        by: Option<&Name>,
        change: impl FnOnce(&mut BoxDraft) -> Result<T, BoxError>,
    ) -> Result<(FoundBox, T), StorageError> {
        let maps = self.maps();
        let mut artifact = maps.artifacts.get_mut(name).ok_or(StorageError::NotFound)?;
        let mut draft = BoxDraft {
            visibility: artifact.visibility,
            vagrant_box: VagrantBox::clone(&artifact.box_entry()?.vagrant_box),
            now: self.clock.now(),
        };
        let result = change(&mut draft)?;
        artifact.visibility = draft.visibility;
        let before = self.box_before(&artifact);
        maps.replace_box(name, &mut artifact, draft.vagrant_box, Unreferenced::Delete);
        self.tell_box((name, by), before, &artifact);
        Ok((artifact.found_box(name)?, result))
    }

    pub(crate) fn delete_box(
        &self,
        name: &ArtifactName,
        by: Option<&Name>,
    ) -> Result<FoundBox, StorageError> {
        let maps = self.maps_exclusive();
        let found = maps.delete_box(name)?;
        self.tell_box_deleted(name, by);
        Ok(found)
    }

    pub(crate) fn delete_registry(
        &self,
        name: &Name,
        by: Option<&Name>,
    ) -> Result<FoundRegistry, StorageError> {
        self.accounts.change(|tables| {
            let found = tables.delete_organization(name)?;
            let mut maps = self.maps_exclusive();
            for deleted in maps.delete_boxes_of(name)? {
                self.tell_box_deleted(&deleted, by);
            }
            maps.quotas.remove(name);
            Ok(found)
        })
    }

    pub(crate) fn complete_box_upload(
        &self,
        name: &ArtifactName,
        upload: Uuid,
        by: Option<&Name>,
    ) -> Result<FoundBox, StorageError> {
        let maps = self.maps();
        let mut artifact = maps.artifacts.get_mut(name).ok_or(StorageError::NotFound)?;
        let entry = artifact.box_entry()?;
        let (place, state) = entry.vagrant_box.upload(upload)?;
        if !state.is_complete {
            let blob = entry.received.get(&upload).cloned();
            let blob = blob.ok_or(BoxError::NoBytes)?;
            let before = self.box_before(&artifact);
            maps.host(name, &mut artifact, &place, upload, blob, self.clock.now())?;
            self.tell_box((name, by), before, &artifact);
        }
        artifact.found_box(name)
    }

    pub(crate) fn count_download(&self, name: &ArtifactName) {
        let maps = self.maps();
        let Some(mut artifact) = maps.artifacts.get_mut(name) else {
            return;
        };
        if let Some(entry) = &mut artifact.vagrant_box {
            Arc::make_mut(&mut entry.vagrant_box).downloads += 1;
        }
    }

    /// Stores the bytes of a provider's upload. They become visible at once, or by the callback if
    /// the upload is direct.
    pub(super) fn finish_box_upload(
        &self,
        name: &ArtifactName,
        upload: Uuid,
        blob: Blob,
    ) -> Result<(), StorageError> {
        let maps = self.maps();
        let mut artifact = maps.artifacts.get_mut(name).ok_or(StorageError::NotFound)?;
        if let Some(stored) = artifact.box_uploaded(upload)? {
            return match stored.digest() == blob.digest() {
                true => Ok(()),
                false => Err(StorageError::OtherBytes),
            };
        }
        let entry = artifact.box_entry_mut()?;
        let (place, state) = entry.vagrant_box.upload(upload)?;
        let (is_direct, owner, len) = (state.is_direct, &name.username, blob.len());
        maps.quotas.take(owner, len, entry.replaced(upload)?)?;
        if is_direct {
            entry.received.insert(upload, blob);
            return Ok(());
        }
        let before = self.box_before(&artifact);
        let hosted = maps.host(name, &mut artifact, &place, upload, blob, self.clock.now());
        match &hosted {
            Ok(()) => self.tell_box((name, None), before, &artifact),
            Err(_) => maps.quotas.give_back(owner, len),
        }
        hosted
    }
}

impl Maps {
    /// Stores a provider's file, and refers the provider to it.
    fn host(
        &self,
        name: &ArtifactName,
        artifact: &mut Artifact,
        place: &ProviderPlace,
        upload: Uuid,
        blob: Blob,
        now: SystemTime,
    ) -> Result<(), StorageError> {
        let mut changed = VagrantBox::clone(&artifact.box_entry()?.vagrant_box);
        let file = self.store_box_file(name, artifact, (&changed, place), blob, now)?;
        changed.complete_upload(place, upload, file, now)?;
        let entry = artifact.box_entry_mut()?;
        entry.received.remove(&upload);
        entry.attempts.remove(&upload);
        self.replace_box(name, artifact, changed, Unreferenced::Delete);
        Ok(())
    }

    /// Stores the file of a box's provider as a version of the type `vagrant.box`.
    pub(super) fn store_box_file(
        &self,
        name: &ArtifactName,
        artifact: &mut Artifact,
        (of, place): (&VagrantBox, &ProviderPlace),
        blob: Blob,
        now: SystemTime,
    ) -> Result<HostedFile, StorageError> {
        let new = NewVersion {
            metadata: of.file_metadata(place)?,
            file: true,
            ..NewVersion::default()
        };
        let (version, key) = artifact.add(name, &box_type(), new, now)?;
        let file = hosted_file(version.number, &blob)?;
        let versions = artifact.types.get_mut(BOX_TYPE);
        let versions = versions.ok_or(StorageError::NotFound)?;
        versions.finish_upload(version.number, blob)?;
        self.uploads
            .insert(version.upload, UploadTarget::Version(key));
        Ok(file)
    }

    /// Adds the box that a version of the type `vagrant.box` describes, once its file is stored.
    pub(super) fn add_pushed_box(
        &self,
        name: &ArtifactName,
        artifact: &mut Artifact,
        number: u64,
        now: SystemTime,
    ) {
        let Some((pushed, file)) = artifact.pushed_box(number) else {
            return;
        };
        let entry = artifact.vagrant_box.get_or_insert_with(|| {
            let new = VagrantBox::new(String::new(), String::new(), now);
            Box::new(BoxEntry::new(new))
        });
        let mut changed = VagrantBox::clone(&entry.vagrant_box);
        pushed.add_to(&mut changed, file, now);
        self.replace_box(name, artifact, changed, Unreferenced::Keep);
    }

    /// Removes the reference to a version that was deleted.
    pub(super) fn forget_box_file(
        &self,
        name: &ArtifactName,
        artifact: &mut Artifact,
        number: u64,
    ) {
        if let Some(entry) = &artifact.vagrant_box {
            let mut changed = VagrantBox::clone(&entry.vagrant_box);
            changed.forget_file(number);
            self.replace_box(name, artifact, changed, Unreferenced::Keep);
        }
    }

    /// Registers the uploads of a box, as a record or a seed has them.
    pub(super) fn register_box_uploads(&self, name: &ArtifactName, of: &VagrantBox) {
        for (_, _, upload) in of.uploads() {
            let target = UploadTarget::Box(name.clone().into());
            self.uploads.insert(upload.id, target);
        }
    }

    /// Replaces a box, with all that follows from the difference: new uploads are registered, old
    /// ones are gone, and so are files to which no provider refers any longer.
    fn replace_box(
        &self,
        name: &ArtifactName,
        artifact: &mut Artifact,
        changed: VagrantBox,
        unreferenced: Unreferenced,
    ) {
        let Some(entry) = &mut artifact.vagrant_box else {
            return;
        };
        let old = std::mem::replace(&mut entry.vagrant_box, Arc::new(changed));
        let new = &entry.vagrant_box;
        let difference = BoxDifference::between(&old, new);
        for upload in &difference.gone_uploads {
            self.uploads.remove(upload);
            if let Some(blob) = entry.received.remove(upload) {
                self.quotas.give_back(&name.username, blob.len());
            }
            entry.attempts.remove(upload);
        }
        self.register_box_uploads(name, &entry.vagrant_box);
        if unreferenced == Unreferenced::Delete {
            self.delete_box_files(&name.username, artifact, &difference.gone_files);
        }
    }

    fn delete_box(&self, name: &ArtifactName) -> Result<FoundBox, StorageError> {
        let found = {
            let mut artifact = self.artifacts.get_mut(name).ok_or(StorageError::NotFound)?;
            let (found, before) = (artifact.found_box(name)?, artifact.bytes());
            self.clear_box(&mut artifact);
            let gone = before - artifact.bytes();
            self.quotas.give_back(&name.username, gone);
            found
        };
        let is_empty = |_: &ArtifactName, artifact: &Artifact| {
            artifact.types.values().all(|versions| versions.len() == 0)
        };
        if let Some((name, artifact)) = self.artifacts.remove_if(name, is_empty) {
            self.deleted.insert(name, artifact.types);
        }
        Ok(found)
    }

    /// Deletes all boxes of a namespace, or none if it has artifacts that are not only boxes. Returns their names.
    fn delete_boxes_of(&self, namespace: &Name) -> Result<Vec<ArtifactName>, StorageError> {
        let of_namespace = self.artifacts.iter();
        let of_namespace = of_namespace.filter(|one| one.key().username == *namespace);
        let mut names = Vec::new();
        for artifact in of_namespace {
            if !artifact.is_only_box() {
                return Err(AccountError::OtherArtifacts.into());
            }
            names.push(artifact.key().clone());
        }
        for name in &names {
            self.delete_box(name)?;
        }
        Ok(names)
    }

    fn delete_box_files(&self, owner: &Name, artifact: &mut Artifact, numbers: &[u64]) {
        if let Some(versions) = artifact.types.get_mut(BOX_TYPE) {
            for (version, bytes) in numbers
                .iter()
                .filter_map(|number| versions.delete(*number).ok())
            {
                self.uploads.remove(&version.upload);
                self.quotas.give_back(owner, bytes);
            }
        }
    }

    /// Removes the box of an artifact, its uploads, and all versions of the type `vagrant.box`.
    pub(super) fn clear_box(&self, artifact: &mut Artifact) {
        if let Some(entry) = artifact.vagrant_box.take() {
            for (_, _, upload) in entry.vagrant_box.uploads() {
                self.uploads.remove(&upload.id);
            }
        }
        if let Some(versions) = artifact.types.get_mut(BOX_TYPE) {
            for version in versions.clear() {
                self.uploads.remove(&version.upload);
            }
        }
    }
}

impl Artifact {
    fn found_box(&self, name: &ArtifactName) -> Result<FoundBox, StorageError> {
        Ok(FoundBox {
            name: name.clone(),
            visibility: self.visibility,
            vagrant_box: Arc::clone(&self.box_entry()?.vagrant_box),
        })
    }

    /// Returns whether the artifact is a box, and has no versions of other types.
    fn is_only_box(&self) -> bool {
        let is_no_other = |(of_type, versions): (&Name, &Versions)| {
            of_type.as_str() == BOX_TYPE || versions.len() == 0
        };
        self.vagrant_box.is_some() && self.types.iter().all(is_no_other)
    }

    fn box_entry(&self) -> Result<&BoxEntry, StorageError> {
        self.vagrant_box.as_deref().ok_or(StorageError::NotFound)
    }

    pub(super) fn box_entry_mut(&mut self) -> Result<&mut BoxEntry, StorageError> {
        self.vagrant_box
            .as_deref_mut()
            .ok_or(StorageError::NotFound)
    }

    /// Returns the slug of the provider whose file an upload brings.
    pub(super) fn provider_slug(
        &self,
        name: &ArtifactName,
        upload: Uuid,
    ) -> Result<String, StorageError> {
        let vagrant_box = &self.box_entry()?.vagrant_box;
        let (place, _) = vagrant_box.upload(upload)?;
        let BoxProvider {
            name: provider,
            architecture,
            ..
        } = vagrant_box.provider(&place)?;
        Ok(name.provider_slug(&place.version, provider, architecture))
    }

    /// Returns the bytes that an upload of the box has brought; `None` if they have not come.
    pub(super) fn box_uploaded(&self, upload: Uuid) -> Result<Option<Blob>, StorageError> {
        let entry = self.box_entry()?;
        let (place, state) = entry.vagrant_box.upload(upload)?;
        if !state.is_complete {
            return Ok(entry.received.get(&upload).cloned());
        }
        let provider = entry.vagrant_box.provider(&place)?;
        let versions = self.types.get(BOX_TYPE);
        Ok(provider
            .hosted()
            .zip(versions)
            .and_then(|(file, versions)| versions.file(file.number).cloned()))
    }

    /// Returns the box that a version describes, and its file, if it has one.
    fn pushed_box(&self, number: u64) -> Option<(PushedBox, HostedFile)> {
        let version = self.types.get(BOX_TYPE)?.get(number)?;
        let pushed = PushedBox::of(&version.metadata).ok()?;
        Some((pushed, self.box_file(number)?))
    }

    /// Returns the file of a version of the type `vagrant.box`, if it is stored.
    pub(super) fn box_file(&self, number: u64) -> Option<HostedFile> {
        let blob = self.types.get(BOX_TYPE)?.file(number)?;
        hosted_file(number, blob).ok()
    }

    /// Returns the time at which a version of the type `vagrant.box` was created.
    pub(super) fn created_of_box(&self, number: u64) -> SystemTime {
        let version = self
            .types
            .get(BOX_TYPE)
            .and_then(|versions| versions.get(number));
        version.map_or(SystemTime::UNIX_EPOCH, |version| version.created)
    }

    /// Returns the numbers of the versions of the type `vagrant.box` whose file is stored.
    pub(super) fn stored_boxes(&self) -> Vec<u64> {
        let versions = self.types.get(BOX_TYPE).into_iter();
        let is_stored = |version: &&Version| version.file == FileState::Stored;
        versions
            .flat_map(Versions::all)
            .filter(is_stored)
            .map(|version| version.number)
            .collect()
    }
}

fn box_type() -> Name {
    Name::constant(BOX_TYPE)
}

/// Describes the file of an artifact version.
///
/// # Errors
/// When the writer of the bytes was not told to compute the SHA-256.
fn hosted_file(number: u64, blob: &Blob) -> Result<HostedFile, StorageError> {
    let sha256 = blob.sha256().ok_or(BackendError::NO_SHA_256)?;
    Ok(HostedFile {
        number,
        len: blob.len(),
        sha256: sha256.to_string(),
    })
}
