//! Changes and reads many entries at once. Each change holds the exclusive lock of the maps, so
//! that readers never see a partial change.

use std::collections::HashSet;
use std::time::SystemTime;

use foldhash::HashMap;

use super::accounts::Accounts;
use super::box_entry::BoxEntry;
use super::webhooks::facts;
use super::{Artifact, Maps, MemoryCatalog, Versions};
use crate::domain::{
    ArtifactName, BOX_TYPE, BoxError, EventKind, Limits, Name, Orphan, OverLimit, Totals,
    VagrantBox, Visibility,
};
use crate::storage::{
    AccountError, AdditionError, Additions, Blob, Contents, ImportError, MemoryBudget, NewArtifact,
    SeededBox, SeededVersion, StorageError, UploadTarget,
};

/// Methods that concern many entries. [`Catalog`](crate::storage::Catalog) documents them.
impl MemoryCatalog {
    pub(crate) fn add(&self, additions: &Additions) -> Result<(), AdditionError> {
        self.accounts.change(|tables| {
            tables.add(additions)?;
            self.maps_exclusive().add(additions, self.clock.now())
        })
    }

    pub(crate) fn copy(&self) -> Self {
        // The lock keeps accounts unchanged until the maps are copied as well.
        let tables = self.accounts.read();
        let maps = self.maps_exclusive().clone();
        self.with(Accounts::new(tables.clone()), maps, self.webhooks.all())
    }

    pub(crate) fn export(&self) -> Contents {
        let tables = self.accounts.read();
        let maps = self.maps_exclusive();
        let (artifacts, files) = maps.records();
        let mut access = tables.record();
        access.quotas = maps.quotas.record();
        access.webhooks = self.webhooks.all();
        Contents {
            access,
            artifacts,
            files,
        }
    }

    pub(crate) fn import(
        &self,
        mut contents: Contents,
        limits: Limits,
    ) -> Result<Self, ImportError> {
        let quotas = std::mem::take(&mut contents.access.quotas);
        let webhooks = std::mem::take(&mut contents.access.webhooks);
        let tables = self.accounts.read().clone();
        let tables = tables
            .with_record(contents.access)
            .map_err(|(name, error)| ImportError::Account(name, error))?;
        if let Some(owner) = quotas.keys().find(|owner| tables.registry(owner).is_none()) {
            let unknown = AccountError::UnknownRegistry;
            return Err(ImportError::Account(owner.clone(), unknown));
        }
        let mut maps = Maps::of_records(contents.artifacts, &contents.files)?;
        maps.set_quotas(quotas);
        let imported = self.with(Accounts::new(tables), maps, webhooks);
        let checked = imported.check(limits);
        checked.map_err(|(slug, over)| ImportError::OverLimit(slug, over))?;
        Ok(imported)
    }

    pub(crate) fn delete_artifact(
        &self,
        name: &ArtifactName,
        by: Option<&Name>,
    ) -> Result<(), StorageError> {
        let maps = self.maps_exclusive();
        let (_, mut artifact) = maps.artifacts.remove(name).ok_or(StorageError::NotFound)?;
        maps.quotas.give_back(&name.username, artifact.bytes());
        self.tell_artifact_deleted(name, artifact.vagrant_box.is_some(), by);
        maps.clear_box(&mut artifact);
        let mut types = artifact.types;
        for version in types.values_mut().flat_map(Versions::clear) {
            maps.uploads.remove(&version.upload);
        }
        maps.deleted.insert(name.clone(), types);
        Ok(())
    }

    pub(crate) fn delete_version(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        number: u64,
        by: Option<&Name>,
    ) -> Result<(), StorageError> {
        let maps = self.maps_exclusive();
        let mut artifact = maps.artifacts.get_mut(name).ok_or(StorageError::NotFound)?;
        let versions = artifact.types.get_mut(artifact_type);
        let versions = versions.ok_or(StorageError::NotFound)?;
        versions.check_unused(number)?;
        let file = versions.file(number).cloned();
        let (version, bytes) = versions.delete(number)?;
        maps.uploads.remove(&version.upload);
        maps.quotas.give_back(&name.username, bytes);
        if version.is_visible() {
            let facts = || facts(artifact_type, number, file.as_ref());
            self.tell_version(EventKind::VersionDeleted, (name, by), facts);
        }
        if artifact_type.as_str() == BOX_TYPE {
            let before = self.box_before(&artifact);
            maps.forget_box_file(name, &mut artifact, number);
            self.tell_box((name, by), before, &artifact);
        }
        Ok(())
    }

    pub(crate) fn orphans(&self) -> Vec<Orphan> {
        let maps = self.maps();
        let mut found = Vec::new();
        for artifact in &maps.artifacts {
            for versions in artifact.types.values() {
                found.extend(versions.orphans());
            }
            if let Some(entry) = &artifact.vagrant_box {
                found.extend(entry.orphans(artifact.key()));
            }
        }
        found.sort_by(|a, b| (&a.artifact, &a.target).cmp(&(&b.artifact, &b.target)));
        found
    }

    fn check(&self, limits: Limits) -> Result<(), (String, OverLimit)> {
        let maps = self.maps();
        for artifact in &maps.artifacts {
            for (artifact_type, versions) in &artifact.types {
                for version in versions.all() {
                    let bytes = versions.file(version.number).map_or(0, Blob::len);
                    let checked = limits.check_id(&version.id);
                    let checked = checked.and_then(|()| limits.check_file(bytes));
                    let keys = version.metadata.sent_keys();
                    let checked = checked.and_then(|()| Limits::check_keys(keys));
                    let slug = || format!("{}/{artifact_type}/{}", artifact.key(), version.number);
                    checked.map_err(|over| (slug(), over))?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn charge(&self, memory: &MemoryBudget) {
        let maps = self.maps();
        for artifact in &maps.artifacts {
            for versions in artifact.types.values() {
                versions.files().for_each(|blob| blob.charge(memory));
            }
            let received = artifact.vagrant_box.iter();
            let received = received.flat_map(|entry| entry.received.values());
            received.for_each(|blob| blob.charge(memory));
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        let maps = self.maps();
        let mut totals = Totals {
            pending_deliveries: self.pending_deliveries(),
            ..Totals::default()
        };
        let mut seen = HashSet::new();
        for artifact in &maps.artifacts {
            totals.artifacts += 1;
            for versions in artifact.types.values() {
                totals.versions += versions.len() as u64;
                let new = versions.files().filter(|blob| seen.insert(blob.id()));
                new.for_each(|blob| count(&mut totals, blob));
            }
            if let Some(entry) = &artifact.vagrant_box {
                totals.boxes += 1;
                totals.box_versions += entry.vagrant_box.versions().len() as u64;
                let received = entry.received.values();
                received.for_each(|blob| count(&mut totals, blob));
            }
        }
        totals
    }
}

fn count(totals: &mut Totals, blob: &Blob) {
    let bytes = if blob.is_on_disk() {
        &mut totals.disk_bytes
    } else {
        &mut totals.memory_bytes
    };
    *bytes += blob.len();
}

impl Maps {
    /// Adds artifacts and boxes with their versions and files: either all of them or, if one fails,
    /// none.
    fn add(&self, additions: &Additions, now: SystemTime) -> Result<(), AdditionError> {
        let Additions {
            artifacts, boxes, ..
        } = additions;
        for (at, new) in artifacts.iter().enumerate() {
            self.check(new)
                .map_err(|error| AdditionError::Artifact(at, new.name.clone(), error))?;
        }
        let mut drafts = Vec::with_capacity(boxes.len());
        for (at, new) in boxes.iter().enumerate() {
            let draft = self.check_box(new, artifacts, now);
            let draft = draft.map_err(|error| AdditionError::Box(at, new.name.clone(), error))?;
            drafts.push(draft);
        }
        for new in artifacts {
            let mut artifact = self.new_artifact(&new.name, new.visibility);
            for version in &new.versions {
                self.add_version(&mut artifact, &new.name, version, now);
            }
            self.artifacts.insert(new.name.clone(), artifact);
        }
        for (new, draft) in boxes.iter().zip(drafts) {
            self.add_seeded_box(new, draft, now);
        }
        // What a seed declares is added whatever the quotas say, and counted.
        self.recount();
        Ok(())
    }

    /// Adds a version with its file. [`Maps::check`] has made sure that there is a number for it.
    fn add_version(
        &self,
        artifact: &mut Artifact,
        name: &ArtifactName,
        version: &SeededVersion,
        now: SystemTime,
    ) {
        let SeededVersion {
            artifact_type,
            new,
            file,
        } = version;
        let Ok((version, key)) = artifact.add(name, artifact_type, new.clone(), now) else {
            return;
        };
        let target = UploadTarget::Version(key);
        self.uploads.insert(version.upload, target);
        let of_type = artifact.types.get_mut(artifact_type);
        if let Some((versions, file)) = of_type.zip(file.as_ref().map(Blob::separate_copy)) {
            // The new version awaits its file, so `finish_upload` accepts it.
            let _ = versions.finish_upload(version.number, file);
            if artifact_type.as_str() == BOX_TYPE {
                self.add_pushed_box(name, artifact, version.number, now);
            }
        }
    }

    /// Adds a box with its files. [`Maps::check_box`] has made sure that there is a number for each of
    /// them.
    fn add_seeded_box(&self, new: &SeededBox, mut draft: VagrantBox, now: SystemTime) {
        let private = || self.new_artifact(&new.name, Visibility::Private);
        let mut artifact = self
            .artifacts
            .entry(new.name.clone())
            .or_insert_with(private);
        artifact.visibility = new.new.visibility.unwrap_or(artifact.visibility);
        for (place, file, updated) in new.placed_files(now) {
            let file = file.separate_copy();
            let stored = self.store_box_file(&new.name, &mut artifact, (&draft, &place), file, now);
            // Neither fails for a provider of the draft and a file of a seed, whose SHA-256 is known.
            if let Ok(file) = stored {
                let _ = draft.host(&place, file, updated);
            }
        }
        artifact.vagrant_box = Some(Box::new(BoxEntry::new(draft)));
    }

    /// Checks whether a box can be added together with these artifacts, and returns it without its
    /// files.
    fn check_box(
        &self,
        new: &SeededBox,
        artifacts: &[NewArtifact],
        now: SystemTime,
    ) -> Result<VagrantBox, StorageError> {
        AccountError::check_reserved(&new.name.username)?;
        let draft = new.draft(now)?;
        let same = artifacts.iter().find(|artifact| artifact.name == new.name);
        let present = self.artifacts.get(&new.name);
        let has_box = present
            .as_ref()
            .is_some_and(|artifact| artifact.vagrant_box.is_some());
        if has_box || same.is_some_and(NewArtifact::has_box) {
            return Err(BoxError::BoxTaken.into());
        }
        let more = new.files().count() + same.map_or(0, NewArtifact::boxes);
        let has_room = |types: &HashMap<Name, Versions>| {
            let of_type = types.get(BOX_TYPE);
            of_type.is_none_or(|versions| versions.has_room(more))
        };
        let deleted = self.deleted.get(&new.name);
        if present.is_none_or(|artifact| has_room(&artifact.types))
            && deleted.is_none_or(|types| has_room(&types))
        {
            Ok(draft)
        } else {
            Err(BoxError::NoNumber.into())
        }
    }

    /// Checks whether an artifact can be added.
    fn check(&self, new: &NewArtifact) -> Result<(), StorageError> {
        AccountError::check_reserved(&new.name.username)?;
        if self.artifacts.contains_key(&new.name) {
            return Err(StorageError::NameTaken);
        }
        let deleted = self.deleted.get(&new.name);
        let types = deleted.iter().flat_map(|types| types.iter());
        for (artifact_type, versions) in types {
            let of_type = |version: &&SeededVersion| version.artifact_type == *artifact_type;
            if !versions.has_room(new.versions.iter().filter(of_type).count()) {
                return Err(StorageError::NoNumber);
            }
        }
        Ok(())
    }
}
