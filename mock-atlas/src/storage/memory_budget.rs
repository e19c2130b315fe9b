//! The memory budget, which limits the bytes of all files in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An error for bytes that exceed the memory budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This emulator holds at most {limit} bytes of files, and has no room for these.")]
pub(crate) struct MemoryFull {
    limit: u64,
}

/// A budget of bytes, with a limit and a count of the reserved bytes. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct MemoryBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: u64,
    used: AtomicU64,
}

impl MemoryBudget {
    /// Creates a budget of `limit` bytes.
    pub(crate) fn new(limit: u64) -> Self {
        let used = AtomicU64::new(0);
        Self(Arc::new(Inner { limit, used }))
    }

    /// Creates an empty reservation.
    pub(crate) fn reservation(&self) -> Reservation {
        Reservation {
            budget: self.clone(),
            bytes: 0,
        }
    }

    /// Checks whether `bytes` could be reserved now.
    ///
    /// # Errors
    /// [`MemoryFull`].
    pub(crate) fn check(&self, bytes: u64) -> Result<(), MemoryFull> {
        self.sum(self.0.used.load(Ordering::Relaxed), bytes)
            .map(|_| ())
            .ok_or(self.full())
    }

    /// Returns the sum of both counts, if it is within the limit.
    fn sum(&self, used: u64, more: u64) -> Option<u64> {
        used.checked_add(more).filter(|sum| *sum <= self.0.limit)
    }

    fn full(&self) -> MemoryFull {
        MemoryFull {
            limit: self.0.limit,
        }
    }
}

/// A `Reservation` counts bytes against the budget until it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: MemoryBudget,
    bytes: u64,
}

impl Reservation {
    /// Reserves more bytes.
    ///
    /// # Errors
    /// [`MemoryFull`]; the reservation is unchanged then.
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

    /// Reserves more bytes, even beyond the limit.
    pub(crate) fn reserve_beyond_limit(&mut self, bytes: u64) {
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
