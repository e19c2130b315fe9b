//! The time of the last use of a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The precision of the time: a token that is used all the time is written about once a minute.
const PRECISION: Duration = Duration::from_secs(60);

/// The time of the last use of a token, precise to a minute. A clone shares it with its original.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastUse(
    /// Seconds since 1970; 0 for a token that was never used.
    Arc<AtomicU64>,
);

impl LastUse {
    /// Returns the time; `None` for a token that was never used.
    pub(crate) fn get(&self) -> Option<SystemTime> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            seconds => Some(UNIX_EPOCH + Duration::from_secs(seconds)),
        }
    }

    /// Notes a use. Returns whether the time has changed by that.
    pub(super) fn note(&self, now: SystemTime) -> bool {
        let now = seconds(now);
        let is_due = now.abs_diff(self.0.load(Ordering::Relaxed)) >= PRECISION.as_secs();
        if is_due {
            self.0.store(now, Ordering::Relaxed);
        }
        is_due
    }
}

impl From<Option<SystemTime>> for LastUse {
    fn from(time: Option<SystemTime>) -> Self {
        Self(Arc::new(AtomicU64::new(time.map_or(0, seconds))))
    }
}

/// Returns a time in seconds since 1970, and at least one.
fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_use_is_noted_once_a_minute_and_after_the_clock_was_set_back() {
        let last = LastUse::default();
        assert_eq!(last.get(), None);
        assert!(last.note(at(1000)));
        assert!(!last.note(at(1059)));
        assert_eq!(last.get(), Some(at(1000)));
        assert!(last.note(at(1060)));
        assert!(last.note(at(10)));
        assert_eq!(last.get(), Some(at(10)));
        assert_eq!(LastUse::from(Some(at(7))).get(), Some(at(7)));
    }

    #[test]
    fn a_use_in_the_first_seconds_of_1970_is_a_use() {
        let last = LastUse::default();
        assert!(!last.note(at(0)), "within a minute of never");
        assert!(last.note(at(60)));
    }
}
