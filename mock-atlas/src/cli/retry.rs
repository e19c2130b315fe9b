//! Decides whether and when a request is sent again that has failed.

use std::time::Duration;

use tokio::time::Instant;

/// The largest number of attempts that fail one after the other.
const ATTEMPTS: u32 = 6;

/// The time after the first failure within which each further attempt must begin.
const TIME: Duration = Duration::from_secs(300);

/// The longest delay after the first failure, which doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(500);

/// A failed request: its message, and whether another attempt may help.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    /// The shortest wait before another attempt; `None` if it would fail as well.
    wait: Option<Duration>,
}

impl Failure {
    /// Creates a failure that may pass, and before whose end the server asks to wait for so long.
    pub(super) fn passing(message: String, wait: Duration) -> Self {
        Self {
            message,
            wait: Some(wait),
        }
    }
}

/// Creates a failure that lasts.
impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self {
            message,
            wait: None,
        }
    }
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        failure.message
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// The attempts that have failed since one has succeeded.
///
/// All requests of a command share them: where the server is gone, the first request waits for it, and those that
/// follow do not wait again.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    failed: u32,
    first_failure: Option<Instant>,
}

impl Attempts {
    /// Counts a failure, and returns the delay before another attempt; `None` if there is to be none.
    pub(super) fn delay_after(&mut self, failure: &Failure) -> Option<Duration> {
        let Some(wait) = failure.wait else {
            self.succeeded();
            return None;
        };
        self.failed = self.failed.saturating_add(1);
        let since = *self.first_failure.get_or_insert_with(Instant::now);
        if self.failed >= ATTEMPTS {
            return None;
        }
        let longest = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(self.failed - 1));
        // Clients that failed together do not return together.
        let delay = longest.mul_f64(fastrand::f64()).max(wait);
        (since.elapsed().saturating_add(delay) <= TIME).then_some(delay)
    }

    /// Notes that the server has answered.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing(seconds: u64) -> Failure {
        Failure::passing("503".to_owned(), Duration::from_secs(seconds))
    }

    #[test]
    fn the_attempts_are_bounded_and_begin_anew_after_a_success() {
        let mut attempts = Attempts::default();
        for at in 0..ATTEMPTS - 1 {
            let delay = attempts.delay_after(&passing(0)).unwrap();
            assert!(delay <= FIRST_DELAY * 2_u32.pow(at), "{delay:?}");
        }
        for _ in 0..3 {
            assert_eq!(attempts.delay_after(&passing(0)), None);
        }
        attempts.succeeded();
        assert!(attempts.delay_after(&passing(0)).is_some());
    }

    #[test]
    fn a_failure_that_lasts_is_not_repeated() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.delay_after(&"404".to_owned().into()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_says_how_long_to_wait_within_the_time() {
        let mut attempts = Attempts::default();
        let asked = Duration::from_secs(200);
        assert_eq!(attempts.delay_after(&passing(200)), Some(asked));
        tokio::time::advance(asked).await;
        assert_eq!(attempts.delay_after(&passing(101)), None);
        assert_eq!(
            Attempts::default().delay_after(&passing(u64::MAX)),
            None,
            "longer than the time"
        );
    }
}
