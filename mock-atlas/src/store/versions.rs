//! The versions of one artifact type, in their order.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use super::record::{RecordError, TypeRecord};
use super::{Attempt, Blob, Metadata, Query, Select, StoreError};
use crate::names::Name;

/// What a client says of a version it makes.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewVersion {
    /// The artifact's own id, such as `us-east-1:ami-1`.
    pub(crate) id: String,
    /// What it knows of itself; derived keys are added by the store.
    pub(crate) metadata: Metadata,
    /// Which build made it; `None` where the client sent 0.
    pub(crate) build: Option<NonZeroU64>,
    /// Whether bytes will follow.
    pub(crate) file: bool,
}

impl NewVersion {
    /// Whether it can be a version of this type.
    pub(crate) fn check(&self, artifact_type: &Name) -> Result<(), StoreError> {
        if artifact_type.as_str() == "vagrant.box" && self.metadata.get("provider").is_none() {
            return Err(StoreError::NoProvider);
        }
        Ok(())
    }
}

/// One version, as owned values that are cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// Counts up from 1 for each artifact and type.
    pub(crate) number: u64,
    /// The artifact's own id.
    pub(crate) id: Arc<str>,
    /// Its metadata, derived keys included.
    pub(crate) metadata: Arc<Metadata>,
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
    Awaited(Option<Arc<Attempt>>),
    /// Here they are.
    Stored(Blob),
}

impl Version {
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
pub(crate) enum Which {
    /// The newest that has one.
    Latest,
    /// The one of this number.
    Number(u64),
}

/// All versions of one artifact type, by their number. The number of the latest is kept, so that
/// nothing is scanned for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Versions {
    all: BTreeMap<u64, Version>,
    /// The highest number that was ever given: none is given twice, even when its version is
    /// deleted.
    last: u64,
    latest: Option<u64>,
    latest_with_file: Option<u64>,
}

impl Versions {
    pub(super) fn add(&mut self, new: NewVersion, created: SystemTime) -> Version {
        self.last += 1;
        let version = Version {
            number: self.last,
            id: new.id.into(),
            metadata: Arc::new(new.metadata.with_derived_regions()),
            build: new.build,
            file: match new.file {
                true => File::Awaited(None),
                false => File::None,
            },
            upload: Uuid::new_v4(),
            created,
        };
        self.all.insert(version.number, version.clone());
        self.has_changed(&version);
        version
    }

    /// The versions of a record, and the last number that was given.
    pub(super) fn from_record(
        record: TypeRecord,
        slug: &str,
        files: &HashMap<String, Blob>,
    ) -> Result<Self, RecordError> {
        if record.last == u64::MAX {
            return Err(RecordError::NoneLeft(slug.to_owned()));
        }
        let mut versions = Self {
            last: record.last,
            ..Self::default()
        };
        for record in record.versions {
            let version = record.into_version(files)?;
            let shown = || format!("{slug}/{}", version.number);
            if version.number == 0 || version.number > versions.last {
                return Err(RecordError::Beyond(shown()));
            }
            if versions
                .all
                .insert(version.number, version.clone())
                .is_some()
            {
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
        self.all.values()
    }

    /// Each version's number, and what names its upload.
    pub(super) fn uploads(&self) -> impl Iterator<Item = (u64, Uuid)> {
        self.all().map(|version| (version.number, version.upload))
    }

    /// Takes a version away; its number stays used.
    pub(super) fn delete(&mut self, number: u64) -> Result<Version, StoreError> {
        let version = self.all.remove(&number).ok_or(StoreError::NotFound)?;
        let latest = self.newest_first().next().map(|version| version.number);
        let with_file = self.newest_first().find(|version| version.blob().is_some());
        let with_file = with_file.map(|version| version.number);
        (self.latest, self.latest_with_file) = (latest, with_file);
        Ok(version)
    }

    /// Takes all versions away; their numbers stay used.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Version> + use<> {
        self.latest = None;
        self.latest_with_file = None;
        std::mem::take(&mut self.all).into_values()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The files of all versions that have one.
    pub(super) fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.all.values().filter_map(Version::blob)
    }

    /// The versions whose bytes have not come.
    pub(super) fn orphans(&self) -> impl Iterator<Item = &Version> {
        let all = self.all.values();
        all.filter(|version| !version.is_visible())
    }

    /// When a version was made.
    pub(super) fn created(&self, number: u64) -> Result<SystemTime, StoreError> {
        let version = self.all.get(&number).ok_or(StoreError::NotFound)?;
        Ok(version.created)
    }

    /// Notes that bytes for a version begin to come.
    pub(super) fn begin_upload(
        &mut self,
        number: u64,
        announced: Option<u64>,
    ) -> Result<Arc<Attempt>, StoreError> {
        let version = self.all.get_mut(&number).ok_or(StoreError::NotFound)?;
        let attempt = Arc::new(Attempt::new(announced));
        match &mut version.file {
            File::None => return Err(StoreError::NoFileExpected),
            File::Awaited(last) => *last = Some(Arc::clone(&attempt)),
            File::Stored(_) => {}
        }
        Ok(attempt)
    }

    /// The bytes of a version, if it has them.
    pub(super) fn uploaded(&self, number: u64) -> Result<Option<Blob>, StoreError> {
        let version = self.all.get(&number).ok_or(StoreError::NotFound)?;
        Ok(version.blob().cloned())
    }

    /// Gives a version the bytes it awaits, which makes it visible.
    pub(super) fn finish_upload(&mut self, number: u64, blob: Blob) -> Result<(), StoreError> {
        let version = self.all.get_mut(&number).ok_or(StoreError::NotFound)?;
        match &version.file {
            File::None => Err(StoreError::NoFileExpected),
            File::Stored(stored) if stored.digest() == blob.digest() => Ok(()),
            File::Stored(_) => Err(StoreError::OtherBytes),
            File::Awaited(_) => {
                version.file = File::Stored(blob);
                let version = version.clone();
                self.has_changed(&version);
                Ok(())
            }
        }
    }

    pub(super) fn file(&self, which: Which) -> Option<Blob> {
        let number = match which {
            Which::Latest => self.latest_with_file?,
            Which::Number(number) => number,
        };
        self.all.get(&number)?.blob().cloned()
    }

    pub(super) fn search(&self, query: &Query) -> Vec<Version> {
        let matches = || self.newest_first().filter(|version| query.accepts(version));
        let one = |found: Option<&Version>| found.cloned().into_iter().collect();
        match query.select {
            Select::All => matches().cloned().collect(),
            Select::Newest => one(matches().next()),
            Select::Latest => one(self.latest.and_then(|number| self.matching(number, query))),
            Select::Number(number) => one(self.matching(number, query)),
            Select::LatestBuild => {
                let latest = self
                    .newest_first()
                    .filter_map(|version| version.build)
                    .max();
                one(matches().find(|version| latest.is_some() && version.build == latest))
            }
            Select::AnyBuild => one(matches().find(|version| version.build.is_some())),
            Select::Build(build) => {
                one(matches().find(|version| version.build.is_some_and(|b| b.get() == build)))
            }
            Select::Nothing => Vec::new(),
        }
    }

    fn matching(&self, number: u64, query: &Query) -> Option<&Version> {
        self.all
            .get(&number)
            .filter(|version| version.is_visible() && query.accepts(version))
    }

    fn newest_first(&self) -> impl Iterator<Item = &Version> {
        self.all
            .values()
            .rev()
            .filter(|version| version.is_visible())
    }

    fn has_changed(&mut self, version: &Version) {
        // `None` is less than any number, so the first one wins over it.
        if version.is_visible() {
            self.latest = self.latest.max(Some(version.number));
        }
        if version.blob().is_some() {
            self.latest_with_file = self.latest_with_file.max(Some(version.number));
        }
    }
}
