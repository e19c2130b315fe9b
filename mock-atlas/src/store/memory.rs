//! The memory that files may take, all together.

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
pub(crate) struct Memory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: u64,
    used: AtomicU64,
}

impl Memory {
    /// Room for so many bytes.
    pub(crate) fn new(limit: u64) -> Self {
        let used = AtomicU64::new(0);
        Self(Arc::new(Inner { limit, used }))
    }

    /// Room of which nothing is held yet.
    pub(crate) fn hold(&self) -> Held {
        Held {
            memory: self.clone(),
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
pub(crate) struct Held {
    memory: Memory,
    bytes: u64,
}

impl Held {
    /// Holds more.
    ///
    /// # Errors
    /// [`MemoryFull`]; then it holds what it held before.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), MemoryFull> {
        let memory = &self.memory;
        let used = &memory.0.used;
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            memory.sum(used, bytes)
        })
        .map_err(|_| memory.full())?;
        self.bytes += bytes;
        Ok(())
    }

    /// Holds more, even beyond the limit.
    pub(super) fn take_anyway(&mut self, bytes: u64) {
        self.memory.0.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let used = &self.memory.0.used;
        used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_counts_until_it_is_dropped() {
        let memory = Memory::new(10);
        let mut first = memory.hold();
        first.take(6).unwrap();
        let mut second = memory.hold();
        assert_eq!(second.take(5), Err(MemoryFull { limit: 10 }));
        second.take(4).unwrap();
        assert!(memory.check(1).is_err());
        drop(first);
        assert_eq!(memory.check(6), Ok(()));
        second.take_anyway(60);
        assert!(memory.check(0).is_err());
        drop(second);
        assert_eq!(memory.check(10), Ok(()));
        assert!(memory.check(u64::MAX).is_err());
    }
}
