//! A budget of memory for the bytes of all files together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// There is no room for so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This emulator holds at most {limit} bytes of files, and has no room for these.")]
pub(crate) struct MemoryFull {
    limit: u64,
}

/// How many bytes there may be, and are. A cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct MemoryBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: u64,
    used: AtomicU64,
}

impl MemoryBudget {
    /// Room for so many bytes.
    pub(crate) fn new(limit: u64) -> Self {
        let used = AtomicU64::new(0);
        Self(Arc::new(Inner { limit, used }))
    }

    /// Room of which nothing is held yet.
    pub(crate) fn reservation(&self) -> Reservation {
        Reservation {
            budget: self.clone(),
            bytes: 0,
        }
    }

    /// Asks whether there is room for so many bytes now.
    ///
    /// # Errors
    /// [`MemoryFull`].
    pub(crate) fn check(&self, bytes: u64) -> Result<(), MemoryFull> {
        self.sum(self.0.used.load(Ordering::Relaxed), bytes)
            .map(|_| ())
            .ok_or(self.full())
    }

    /// All that would be used, if that is not too much.
    fn sum(&self, used: u64, more: u64) -> Option<u64> {
        used.checked_add(more).filter(|sum| *sum <= self.0.limit)
    }

    fn full(&self) -> MemoryFull {
        MemoryFull {
            limit: self.0.limit,
        }
    }
}

/// Bytes that are held, until this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: MemoryBudget,
    bytes: u64,
}

impl Reservation {
    /// Holds more.
    ///
    /// # Errors
    /// [`MemoryFull`]; then it holds what it held before.
    pub(crate) fn reserve(&mut self, bytes: u64) -> Result<(), MemoryFull> {
        let budget = &self.budget;
        let used = &budget.0.used;
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            budget.sum(used, bytes)
        })
        .map_err(|_| budget.full())?;
        self.bytes += bytes;
        Ok(())
    }

    /// Holds more, even beyond the limit.
    pub(super) fn reserve_beyond_limit(&mut self, bytes: u64) {
        self.budget.0.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let used = &self.budget.0.used;
        used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_counts_until_it_is_dropped() {
        let budget = MemoryBudget::new(10);
        let mut first = budget.reservation();
        first.reserve(6).unwrap();
        let mut second = budget.reservation();
        assert_eq!(second.reserve(5), Err(MemoryFull { limit: 10 }));
        second.reserve(4).unwrap();
        assert!(budget.check(1).is_err());
        drop(first);
        assert_eq!(budget.check(6), Ok(()));
        second.reserve_beyond_limit(60);
        assert!(budget.check(0).is_err());
        drop(second);
        assert_eq!(budget.check(10), Ok(()));
        assert!(budget.check(u64::MAX).is_err());
    }
}
