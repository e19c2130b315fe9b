//! The versions of one artifact type, in their order.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::SystemTime;

use foldhash::HashMap;
use uuid::Uuid;

use super::index::Index;
use super::record::{RecordError, TypeRecord};
use super::{Target, TypeKey};
use crate::domain::{Metadata, Name, Page, Query};
use crate::storage::{Blob, Found, StorageError, UploadAttempt};

/// Numbers are given up to this one: all readers of JSON keep it as it is (2^53).
pub(super) const HIGHEST: u64 = 1 << 53;

/// What a client says of a version it makes.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewVersion {
    /// The artifact's own id, such as `us-east-1:ami-1`.
    pub(crate) id: Arc<str>,
    /// What it knows of itself; derived keys are added by the store.
    pub(crate) metadata: Metadata,
    /// Which build made it; `None` where the client sent 0.
    pub(crate) build: Option<NonZeroU64>,
    /// Whether bytes will follow.
    pub(crate) file: bool,
}

impl NewVersion {
    /// Whether it can be a version of this type.
    pub(crate) fn check(&self, artifact_type: &Name) -> Result<(), StorageError> {
        if artifact_type.as_str() == "vagrant.box" && self.metadata.get("provider").is_none() {
            return Err(StorageError::NoProvider);
        }
        Ok(())
    }
}

/// One version. It is handed out behind a count of references.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// Counts up from 1 for each artifact and type.
    pub(crate) number: u64,
    /// The artifact's own id.
    pub(crate) id: Arc<str>,
    /// Its metadata, derived keys included.
    pub(crate) metadata: Metadata,
    /// Which build made it.
    pub(crate) build: Option<NonZeroU64>,
    /// Its bytes, or whether there will be any.
    pub(crate) file: File,
    /// What names its upload; cannot be guessed.
    pub(crate) upload: Uuid,
    /// When it was made.
    pub(crate) created: SystemTime,
}

/// Where the bytes of a version are.
#[derive(Clone, Debug)]
pub(crate) enum File {
    /// There are none, and none will come.
    None,
    /// They were announced and have not come: such a version is never handed out. The last attempt
    /// to send them, if there was one.
    Awaited(Option<Arc<UploadAttempt>>),
    /// Here they are.
    Stored(Blob),
}

impl Version {
    // Contract: uploads.unfinished-hidden
    fn is_visible(&self) -> bool {
        !matches!(self.file, File::Awaited(_))
    }

    pub(super) fn blob(&self) -> Option<&Blob> {
        match &self.file {
            File::Stored(blob) => Some(blob),
            File::None | File::Awaited(_) => None,
        }
    }
}

/// Which version's file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileSelector {
    /// The newest that has one.
    Latest,
    /// The one of this number.
    Number(u64),
}

/// All versions of one artifact type, by their number.
#[derive(Clone, Debug)]
pub(super) struct Versions {
    key: Arc<TypeKey>,
    all: BTreeMap<u64, Arc<Version>>,
    /// The highest number that was ever given: none is given twice, even when its version is
    /// deleted.
    last: u64,
    /// Those that can be found.
    index: Index,
}

impl Versions {
    /// None yet.
    pub(super) fn new(key: TypeKey) -> Self {
        Self {
            key: Arc::new(key),
            all: BTreeMap::new(),
            last: 0,
            index: Index::default(),
        }
    }

    /// Where the upload of a version belongs.
    pub(super) fn target(&self, number: u64) -> Target {
        Target {
            key: Arc::clone(&self.key),
            number,
        }
    }

    /// Whether there are numbers for so many more.
    pub(super) fn has_room(&self, more: usize) -> bool {
        u64::try_from(more).is_ok_and(|more| more <= HIGHEST.saturating_sub(self.last))
    }

    /// Makes the next version.
    ///
    /// # Errors
    /// [`StorageError::NoNumber`].
    // Contract: versions.counts-per-type, versions.same-again
    pub(super) fn add(
        &mut self,
        new: NewVersion,
        created: SystemTime,
    ) -> Result<Arc<Version>, StorageError> {
        if !self.has_room(1) {
            return Err(StorageError::NoNumber);
        }
        self.last += 1;
        let metadata = new.metadata;
        let metadata = metadata.with_derived_regions(&self.key.artifact_type);
        let version = Arc::new(Version {
            number: self.last,
            id: new.id,
            metadata: self.index.share(metadata),
            build: new.build,
            file: match new.file {
                true => File::Awaited(None),
                false => File::None,
            },
            // Contract: uploads.path-secret
            upload: Uuid::new_v4(),
            created,
        });
        self.all.insert(version.number, Arc::clone(&version));
        self.has_changed(&version);
        Ok(version)
    }

    /// The versions of a record, and the last number that was given.
    pub(super) fn from_record(
        key: TypeKey,
        record: TypeRecord,
        slug: &str,
        files: &HashMap<String, Blob>,
    ) -> Result<Self, RecordError> {
        if record.last > HIGHEST {
            return Err(RecordError::TooHigh(slug.to_owned(), record.last));
        }
        let mut versions = Self {
            last: record.last,
            ..Self::new(key)
        };
        for record in record.versions {
            let mut version = record.into_version(files)?;
            version.metadata = versions.index.share(version.metadata);
            let version = Arc::new(version);
            let shown = || format!("{slug}/{}", version.number);
            if version.number == 0 || version.number > versions.last {
                return Err(RecordError::Beyond(shown()));
            }
            let twice = versions.all.insert(version.number, Arc::clone(&version));
            if twice.is_some() {
                return Err(RecordError::Twice(shown()));
            }
            versions.has_changed(&version);
        }
        Ok(versions)
    }

    /// The highest number that was ever given.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// All versions, the oldest first, those that await their bytes too.
    pub(super) fn all(&self) -> impl Iterator<Item = &Version> {
        self.all.values().map(Arc::as_ref)
    }

    /// Each version's number, and what names its upload.
    pub(super) fn uploads(&self) -> impl Iterator<Item = (u64, Uuid)> {
        self.all().map(|version| (version.number, version.upload))
    }

    /// Takes a version away; its number stays used.
    pub(super) fn delete(&mut self, number: u64) -> Result<Arc<Version>, StorageError> {
        let version = self.all.remove(&number).ok_or(StorageError::NotFound)?;
        self.index.remove(&version);
        Ok(version)
    }

    /// Takes all versions away; their numbers stay used.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Arc<Version>> + use<> {
        self.index = Index::default();
        std::mem::take(&mut self.all).into_values()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The files of all versions that have one.
    pub(super) fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.all().filter_map(Version::blob)
    }

    /// The versions whose bytes have not come.
    pub(super) fn orphans(&self) -> impl Iterator<Item = &Version> {
        self.all().filter(|version| !version.is_visible())
    }

    /// When a version was made.
    pub(super) fn created(&self, number: u64) -> Result<SystemTime, StorageError> {
        let version = self.all.get(&number).ok_or(StorageError::NotFound)?;
        Ok(version.created)
    }

    /// Notes that bytes for a version begin to come.
    pub(super) fn begin_upload(
        &mut self,
        number: u64,
        announced: Option<u64>,
    ) -> Result<Arc<UploadAttempt>, StorageError> {
        let version = self.all.get_mut(&number).ok_or(StorageError::NotFound)?;
        let attempt = Arc::new(UploadAttempt::new(announced));
        match &mut Arc::make_mut(version).file {
            File::None => return Err(StorageError::NoFileExpected),
            File::Awaited(last) => *last = Some(Arc::clone(&attempt)),
            File::Stored(_) => {}
        }
        Ok(attempt)
    }

    /// The bytes of a version, if it has them.
    pub(super) fn uploaded(&self, number: u64) -> Result<Option<Blob>, StorageError> {
        let version = self.all.get(&number).ok_or(StorageError::NotFound)?;
        Ok(version.blob().cloned())
    }

    /// Gives a version the bytes it awaits, which makes it visible.
    // Contract: uploads.same-again
    pub(super) fn finish_upload(&mut self, number: u64, blob: Blob) -> Result<(), StorageError> {
        let version = self.all.get_mut(&number).ok_or(StorageError::NotFound)?;
        match &version.file {
            File::None => Err(StorageError::NoFileExpected),
            File::Stored(stored) if stored.digest() == blob.digest() => Ok(()),
            File::Stored(_) => Err(StorageError::OtherBytes),
            File::Awaited(_) => {
                Arc::make_mut(version).file = File::Stored(blob);
                let version = Arc::clone(version);
                self.has_changed(&version);
                Ok(())
            }
        }
    }

    pub(super) fn file(&self, which: FileSelector) -> Option<Blob> {
        let number = match which {
            FileSelector::Latest => self.index.latest_with_file()?,
            FileSelector::Number(number) => number,
        };
        self.all.get(&number)?.blob().cloned()
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

    /// Lets a version be found from now on, if it may be.
    // Contract: silent.latest-version
    fn has_changed(&mut self, version: &Version) {
        if version.is_visible() {
            self.index.add(version);
        }
    }
}
