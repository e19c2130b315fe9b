//! Quotas of owners in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::HashMap;

use super::{Artifact, Maps, MemoryCatalog, Versions};
use crate::domain::{Name, OverQuota, Quota};
use crate::storage::{AccountError, Blob, StorageError};

/// The quotas by owner. The map itself changes only under the exclusive lock of the maps, so that nobody adds a file
/// uncounted meanwhile; without quotas, a look costs nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Quotas(HashMap<Name, Counter>);

#[derive(Debug)]
struct Counter {
    limit: u64,
    used: AtomicU64,
}

impl Clone for Counter {
    fn clone(&self) -> Self {
        Self {
            limit: self.limit,
            used: AtomicU64::new(self.quota().used),
        }
    }
}

impl Counter {
    fn quota(&self) -> Quota {
        Quota {
            limit: self.limit,
            used: self.used.load(Ordering::Relaxed),
        }
    }
}

impl Quotas {
    /// Returns the quota of an owner; `None` without one.
    pub(super) fn get(&self, owner: &Name) -> Option<Quota> {
        self.0.get(owner).map(Counter::quota)
    }

    /// Returns the limits of all quotas.
    pub(super) fn record(&self) -> BTreeMap<Name, u64> {
        let quotas = self.0.iter();
        quotas
            .map(|(owner, counter)| (owner.clone(), counter.limit))
            .collect()
    }

    /// Counts a file that is about to be added, if its owner has a quota. It takes the place of another one, whose
    /// bytes are given back by themselves.
    ///
    /// # Errors
    /// [`OverQuota`].
    pub(super) fn take(&self, owner: &Name, len: u64, replaced: u64) -> Result<(), OverQuota> {
        let Some(counter) = self.0.get(owner) else {
            return Ok(());
        };
        let mut used = counter.used.load(Ordering::Relaxed);
        loop {
            let quota = Quota {
                limit: counter.limit,
                used,
            };
            quota.check(len, replaced)?;
            let (then, order) = (used.saturating_add(len), Ordering::Relaxed);
            match counter.used.compare_exchange(used, then, order, order) {
                Ok(_) => return Ok(()),
                Err(other) => used = other,
            }
        }
    }

    /// Counts files that were removed, if their owner has a quota.
    pub(super) fn give_back(&self, owner: &Name, bytes: u64) {
        if let Some(counter) = self.0.get(owner) {
            let less = |used: u64| Some(used.saturating_sub(bytes));
            let _ = counter
                .used
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    pub(super) fn remove(&mut self, owner: &Name) -> bool {
        self.0.remove(owner).is_some()
    }
}

impl Maps {
    /// Sets the quota of an owner, and counts what is used.
    fn set_quota(&mut self, owner: &Name, limit: u64) -> Quota {
        let used = AtomicU64::new(self.used_by(owner));
        let counter = Counter { limit, used };
        let quota = counter.quota();
        self.quotas.0.insert(owner.clone(), counter);
        quota
    }

    /// Counts what all owners use, after a change that has not counted it.
    pub(super) fn recount(&self) {
        for (owner, counter) in &self.quotas.0 {
            counter.used.store(self.used_by(owner), Ordering::Relaxed);
        }
    }

    /// Sets the quotas of a record, and counts what is used.
    pub(super) fn set_quotas(&mut self, quotas: BTreeMap<Name, u64>) {
        for (owner, limit) in quotas {
            self.set_quota(&owner, limit);
        }
    }

    fn used_by(&self, owner: &Name) -> u64 {
        let artifacts = self.artifacts.iter();
        let theirs = artifacts.filter(|artifact| artifact.key().username == *owner);
        theirs.map(|artifact| artifact.bytes()).sum()
    }
}

impl Artifact {
    /// Returns the size of all files, those of direct uploads that await their callback included.
    pub(super) fn bytes(&self) -> u64 {
        let versions: u64 = self.types.values().map(Versions::bytes).sum();
        let received = self.vagrant_box.iter();
        let received = received.flat_map(|entry| entry.received.values());
        versions + received.map(Blob::len).sum::<u64>()
    }
}

/// Methods that concern quotas. [`Catalog`](crate::storage::Catalog) documents them.
impl MemoryCatalog {
    pub(crate) fn quotas(&self) -> Vec<(Name, Quota)> {
        let maps = self.maps();
        let quotas = maps.quotas.0.iter();
        let mut all: Vec<_> = quotas
            .map(|(owner, counter)| (owner.clone(), counter.quota()))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    pub(crate) fn quota(&self, owner: &Name) -> Option<Quota> {
        self.maps().quotas.get(owner)
    }

    pub(crate) fn set_quota(&self, owner: &Name, limit: u64) -> Result<Quota, StorageError> {
        let tables = self.accounts.read();
        if tables.registry(owner).is_none() {
            return Err(AccountError::UnknownRegistry.into());
        }
        Ok(self.maps_exclusive().set_quota(owner, limit))
    }

    pub(crate) fn remove_quota(&self, owner: &Name) -> Result<(), StorageError> {
        match self.maps_exclusive().quotas.remove(owner) {
            true => Ok(()),
            false => Err(StorageError::NotFound),
        }
    }
}
