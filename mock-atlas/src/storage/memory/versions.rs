//! Holds the versions of one artifact type, ordered by number: gives new versions their numbers, and
//! makes a version visible when its upload is finished.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::SystemTime;

use foldhash::HashMap;
use uuid::Uuid;

use super::Found;
use super::index::Index;
use crate::domain::{
    Allowance, Channel, ChannelName, FileSelector, FileState, Name, NewVersion, Orphan, Page,
    Query, Quota, Select, Sequence, Version,
};
use crate::storage::record::TypeRecord;
use crate::storage::upload::orphan;
use crate::storage::{Blob, RecordError, StorageError, TypeKey, UploadAttempt, VersionKey};

/// All versions of one artifact type, by number.
#[derive(Clone, Debug)]
pub(super) struct Versions {
    key: Arc<TypeKey>,
    all: BTreeMap<u64, Arc<Version>>,
    /// The files of the versions that have one.
    files: BTreeMap<u64, Blob>,
    /// The numbers of the versions that await their file.
    awaited: BTreeSet<u64>,
    /// The last upload attempt of each version that awaits its file.
    attempts: BTreeMap<u64, Arc<UploadAttempt>>,
    numbers: Sequence,
    /// The index of the visible versions.
    index: Index,
    /// The names that point at versions.
    pub(super) channels: BTreeMap<ChannelName, Channel>,
}

impl Versions {
    /// Creates a type without versions.
    pub(super) fn new(key: TypeKey) -> Self {
        Self {
            key: Arc::new(key),
            all: BTreeMap::new(),
            files: BTreeMap::new(),
            awaited: BTreeSet::new(),
            attempts: BTreeMap::new(),
            numbers: Sequence::default(),
            index: Index::default(),
            channels: BTreeMap::new(),
        }
    }

    pub(super) fn artifact_type(&self) -> &Name {
        &self.key.artifact_type
    }

    pub(super) fn key(&self, number: u64) -> VersionKey {
        VersionKey {
            of: Arc::clone(&self.key),
            number,
        }
    }

    /// Returns whether there are numbers for `more` versions.
    pub(super) fn has_room(&self, more: usize) -> bool {
        self.numbers.has_room(more)
    }

    /// Creates the next version, whose number [`Sequence`] gives.
    ///
    /// # Errors
    /// [`StorageError::NoNumber`].
    // Contract: versions.counts-per-type, versions.same-again
    pub(super) fn add(
        &mut self,
        new: NewVersion,
        created: SystemTime,
    ) -> Result<Arc<Version>, StorageError> {
        let number = self.numbers.next().ok_or(StorageError::NoNumber)?;
        let metadata = new.metadata;
        let metadata = metadata.with_derived_regions(&self.key.artifact_type);
        let version = Arc::new(Version {
            number,
            id: new.id,
            metadata: self.index.share(metadata),
            build: new.build,
            file: match new.file {
                true => FileState::Awaited,
                false => FileState::None,
            },
            // Contract: uploads.path-secret
            upload: Uuid::new_v4(),
            created,
        });
        self.all.insert(version.number, Arc::clone(&version));
        self.sort_in(&version);
        Ok(version)
    }

    /// Adds a version as it is, with its file. The numbers go on after the highest.
    pub(super) fn import(&mut self, mut version: Version, last_number: u64, file: Option<Blob>) {
        let number = version.number;
        let last = self.last().max(last_number).max(number);
        self.numbers = Sequence::after(last).unwrap_or(self.numbers);
        version.metadata = self.index.share(version.metadata);
        let version = Arc::new(version);
        self.all.insert(number, Arc::clone(&version));
        self.files.extend(file.map(|file| (number, file)));
        self.sort_in(&version);
    }

    /// Creates the versions of a record.
    pub(super) fn from_record(
        key: TypeKey,
        record: TypeRecord,
        slug: &str,
        files: &HashMap<String, Blob>,
    ) -> Result<Self, RecordError> {
        let Some(numbers) = Sequence::after(record.last) else {
            return Err(RecordError::TooHigh(slug.to_owned(), record.last));
        };
        let mut versions = Self {
            numbers,
            ..Self::new(key)
        };
        for record in record.versions {
            let (mut version, digest) = record.into_version();
            let missing = || RecordError::FileMissing(digest.clone().unwrap_or_default());
            let file = digest
                .as_ref()
                .map(|digest| files.get(digest).ok_or_else(missing));
            let file = file.transpose()?.cloned();
            version.metadata = versions.index.share(version.metadata);
            let version = Arc::new(version);
            let shown = || format!("{slug}/{}", version.number);
            if version.number == 0 || version.number > versions.last() {
                return Err(RecordError::Beyond(shown()));
            }
            let twice = versions.all.insert(version.number, Arc::clone(&version));
            if twice.is_some() {
                return Err(RecordError::Twice(shown()));
            }
            versions
                .files
                .extend(file.map(|file| (version.number, file)));
            versions.sort_in(&version);
        }
        versions.channels = record.channels;
        let is_lost = |(_, channel): &(_, &Channel)| versions.get(channel.version()).is_none();
        match versions.channels.iter().find(is_lost) {
            Some((name, _)) => Err(RecordError::Channel(format!("{slug}/{name}"))),
            None => Ok(versions),
        }
    }

    /// Returns the last number that was given.
    pub(super) fn last(&self) -> u64 {
        self.numbers.last()
    }

    /// Returns all versions, the oldest first, those that await their bytes included.
    pub(super) fn all(&self) -> impl Iterator<Item = &Version> {
        self.all.values().map(Arc::as_ref)
    }

    /// Returns the number and the upload id of each version.
    pub(super) fn uploads(&self) -> impl Iterator<Item = (u64, Uuid)> {
        self.all().map(|version| (version.number, version.upload))
    }

    /// Deletes a version, and returns it with the size of its file. Its number is not given again.
    pub(super) fn delete(&mut self, number: u64) -> Result<(Arc<Version>, u64), StorageError> {
        let version = self.all.remove(&number).ok_or(StorageError::NotFound)?;
        self.index.remove(&version);
        self.awaited.remove(&number);
        let file = self.files.remove(&number);
        self.attempts.remove(&number);
        Ok((version, file.as_ref().map_or(0, Blob::len)))
    }

    /// Deletes all versions and returns them. Their numbers are not given again.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Arc<Version>> + use<> {
        let left = Self {
            key: Arc::clone(&self.key),
            all: BTreeMap::new(),
            files: BTreeMap::new(),
            awaited: BTreeSet::new(),
            attempts: BTreeMap::new(),
            numbers: self.numbers,
            index: Index::default(),
            channels: BTreeMap::new(),
        };
        std::mem::replace(self, left).all.into_values()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns the files of all versions that have one.
    pub(super) fn files(&self) -> impl Iterator<Item = &Blob> {
        self.files.values()
    }

    /// Returns the size of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.files().map(Blob::len).sum()
    }

    /// Returns the versions whose bytes have not come.
    pub(super) fn orphans(&self) -> impl Iterator<Item = Orphan> {
        let orphans = self.awaited.iter().filter_map(|number| self.get(*number));
        orphans.map(|version| {
            let attempt = self.attempts.get(&version.number);
            orphan(&self.key, version, attempt.map(Arc::as_ref))
        })
    }

    /// Returns the creation time of a version.
    pub(super) fn created(&self, number: u64) -> Result<SystemTime, StorageError> {
        Ok(self.version(number)?.created)
    }

    /// Records a new upload attempt of a version.
    pub(super) fn begin_upload(
        &mut self,
        number: u64,
        announced: Option<u64>,
        quota: Option<Quota>,
    ) -> Result<Arc<UploadAttempt>, StorageError> {
        let allowance = |quota| Allowance { quota, replaced: 0 };
        match self.version(number)?.file {
            FileState::None => Err(StorageError::NoFileExpected),
            FileState::Awaited => {
                let attempt = UploadAttempt::new(announced, quota.map(allowance));
                let attempt = Arc::new(attempt);
                self.attempts.insert(number, Arc::clone(&attempt));
                Ok(attempt)
            }
            FileState::Stored => Ok(Arc::new(UploadAttempt::new(announced, None))),
        }
    }

    /// Returns the stored bytes of a version; `None` if it has none.
    pub(super) fn uploaded(&self, number: u64) -> Result<Option<Blob>, StorageError> {
        self.version(number)?;
        Ok(self.file(number).cloned())
    }

    /// Stores the bytes of a version, which makes the version visible.
    // Contract: uploads.same-again
    pub(super) fn finish_upload(&mut self, number: u64, blob: Blob) -> Result<(), StorageError> {
        let version = self.all.get_mut(&number).ok_or(StorageError::NotFound)?;
        match version.file {
            FileState::None => Err(StorageError::NoFileExpected),
            FileState::Stored => match self.files.get(&number) {
                Some(stored) if stored.digest() == blob.digest() => Ok(()),
                _ => Err(StorageError::OtherBytes),
            },
            FileState::Awaited => {
                Arc::make_mut(version).file = FileState::Stored;
                let version = Arc::clone(version);
                self.files.insert(number, blob);
                self.attempts.remove(&number);
                self.sort_in(&version);
                Ok(())
            }
        }
    }

    pub(super) fn selected_file(&self, selector: FileSelector) -> Option<&Blob> {
        match selector {
            FileSelector::Latest => self.file(self.index.latest_with_file()?),
            FileSelector::Number(number) => self.file(number),
        }
    }

    /// Returns the newest visible version.
    pub(super) fn newest(&self) -> Option<&Version> {
        let latest = Query {
            select: Select::Latest,
            ..Query::default()
        };
        let (numbers, _) = self.index.search(&latest, Page::first(1, 1));
        self.get(*numbers.first()?)
    }

    /// Returns the files of the versions with these numbers, the lowest first.
    pub(super) fn files_within(
        &self,
        numbers: RangeInclusive<u64>,
    ) -> impl Iterator<Item = (u64, &Blob)> {
        let is_empty = numbers.is_empty();
        let range = (!is_empty).then(|| self.files.range(numbers));
        let files = range.into_iter().flatten();
        files.map(|(number, blob)| (*number, blob))
    }

    /// Returns the file of the version with this number.
    pub(super) fn file(&self, number: u64) -> Option<&Blob> {
        self.files.get(&number)
    }

    /// Returns the version with this number.
    pub(super) fn get(&self, number: u64) -> Option<&Version> {
        self.all.get(&number).map(Arc::as_ref)
    }

    fn version(&self, number: u64) -> Result<&Version, StorageError> {
        self.get(number).ok_or(StorageError::NotFound)
    }

    // Contract: search.build-zero, silent.latest-build
    pub(super) fn search(&self, query: &Query, page: Page) -> Found {
        let (numbers, next) = self.index.search(query, page);
        let versions = numbers.iter().filter_map(|number| self.all.get(number));
        Found {
            versions: versions.cloned().collect(),
            next,
        }
    }

    /// Adds a version to the index, if it is visible, and else to those that await their file.
    // Contract: silent.latest-version
    fn sort_in(&mut self, version: &Version) {
        match version.is_visible() {
            true => {
                self.awaited.remove(&version.number);
                self.index.add(version);
            }
            false => {
                self.awaited.insert(version.number);
            }
        }
    }
}
