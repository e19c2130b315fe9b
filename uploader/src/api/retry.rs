//! Repeats failed attempts with exponential backoff and full jitter, within a budget of attempts and of time.
//! The caller decides what may be repeated: a GET, a PUT to an upload URL (which succeeds again with the same
//! bytes), and a POST that is known to have had no effect.

use std::time::Duration;

use tokio::time::Instant;

use crate::base::error::{Cause, Error, Phase};
use crate::base::reporter::{Event, Reporter};

/// The smallest number of new bytes that makes a connection count as progress. A connection that brings fewer
/// counts as a failed attempt: otherwise a server that sends one byte per connection would be asked as often
/// as the file has bytes.
pub(crate) const MIN_PROGRESS: u64 = 64 * 1024;

/// The policy for repeating attempts: their number, their time, and the delays between them.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// The number of attempts, including the first. At least one is made.
    pub attempts: u32,
    /// The time after the first failure within which each attempt must begin. It does not start with the
    /// first attempt: an upload that breaks after an hour deserves another.
    pub time: Duration,
    /// The longest delay after the first failure. It doubles with each further failure.
    pub first_delay: Duration,
    /// The upper bound of the doubled delay.
    pub max_delay: Duration,
    /// The time after a broken connection during which the server may still carry out the request.
    pub settle: Duration,
    /// The function that chooses the delay, given the longest: [`full_jitter`], or a fixed choice in a test.
    pub jitter: fn(Duration) -> Duration,
}

impl Default for RetryPolicy {
    /// Returns a policy of six attempts within five minutes, with delays of half a second to half a minute,
    /// full jitter, and five seconds to settle.
    fn default() -> Self {
        Self {
            attempts: 6,
            time: Duration::from_secs(300),
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            settle: Duration::from_secs(5),
            jitter: full_jitter,
        }
    }
}

impl RetryPolicy {
    /// Returns a policy of a single attempt.
    pub fn once() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }

    /// Returns the longest delay after attempt number `attempt`, counted from 1.
    pub fn longest_delay_after(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.first_delay.saturating_mul(doubled).min(self.max_delay)
    }
}

/// Returns a random delay up to the longest, all equally likely, so that clients that failed together do not
/// return together.
pub fn full_jitter(longest: Duration) -> Duration {
    longest.mul_f64(fastrand::f64())
}

/// A counter of the attempts at one operation, with the time of the first failure.
pub struct Attempts<'a> {
    policy: RetryPolicy,
    reporter: &'a dyn Reporter,
    made: u32,
    first_failure: Option<Instant>,
}

impl<'a> Attempts<'a> {
    /// Creates a counter at the first attempt. `reporter` receives each failure that is followed by another
    /// attempt.
    pub fn new(policy: RetryPolicy, reporter: &'a dyn Reporter) -> Self {
        Self {
            policy,
            reporter,
            made: 1,
            first_failure: None,
        }
    }

    /// Returns the number of the current attempt, from 1.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// Returns the policy.
    pub fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    /// Waits as long as after a first failure, without counting an attempt. This is for an operation that has
    /// made progress and continues.
    pub async fn pause(&self) {
        let longest = self.policy.longest_delay_after(1);
        tokio::time::sleep((self.policy.jitter)(longest)).await;
    }

    /// Waits for the delay after a failure and returns true. Returns false at once if another attempt could
    /// not help, or would exceed the budget.
    pub async fn wait_before_retry(&mut self, cause: &Cause) -> bool {
        let Some(delay) = self.announce(cause, Duration::ZERO) else {
            return false;
        };
        tokio::time::sleep(delay).await;
        true
    }

    /// Reports that a failed attempt will be repeated, and returns the delay, at least `least`, for which the
    /// caller must wait. Returns `None` if another attempt could not help, or would exceed the budget.
    pub fn announce(&mut self, cause: &Cause, least: Duration) -> Option<Duration> {
        let delay = self.delay(cause, least)?;
        let attempt = self.made;
        self.reporter.report(Event::Retrying {
            attempt,
            delay,
            cause,
        });
        self.made += 1;
        Some(delay)
    }

    fn delay(&mut self, cause: &Cause, least: Duration) -> Option<Duration> {
        let since = *self.first_failure.get_or_insert_with(Instant::now);
        if self.made >= self.policy.attempts || !cause.is_transient() {
            return None;
        }
        let chosen = (self.policy.jitter)(self.policy.longest_delay_after(self.made));
        let asked = cause.retry_after().unwrap_or_default();
        let delay = chosen.max(asked).max(least);
        let spent = since.elapsed().saturating_add(delay);
        (spent <= self.policy.time).then_some(delay)
    }

    /// Runs `attempt` until it succeeds, fails permanently, or the budget is used up.
    ///
    /// # Errors
    /// Returns the last failure, in `phase`, with the number of attempts.
    pub async fn run<T, Attempt: Future<Output = Result<T, Cause>>>(
        mut self,
        phase: Phase,
        // This is not an async closure, because its future could not be declared `Send`.
        mut attempt: impl FnMut() -> Attempt,
    ) -> Result<T, Error> {
        loop {
            match attempt().await {
                Ok(value) => return Ok(value),
                Err(cause) if self.wait_before_retry(&cause).await => {}
                Err(cause) => return Err(Error::new(phase, cause).after(self.made)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::RequestLine;
    use std::sync::Mutex;

    /// A reporter that records the delays in milliseconds.
    #[derive(Default)]
    struct Waits(Mutex<Vec<u128>>);

    impl Reporter for Waits {
        fn report(&self, event: Event<'_>) {
            if let Event::Retrying { delay, .. } = event {
                self.0.lock().unwrap().push(delay.as_millis());
            }
        }
    }

    /// Returns a policy without randomness, which always chooses the longest delay.
    fn policy() -> RetryPolicy {
        RetryPolicy {
            jitter: |longest| longest,
            ..RetryPolicy::default()
        }
    }

    fn status(status: u16, retry_after: Option<u64>) -> Cause {
        Cause::Status {
            request: RequestLine {
                method: "GET",
                url: String::new(),
            },
            status,
            messages: Vec::new(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    /// Runs an operation that fails with each status in turn, and then succeeds. Returns the delays.
    async fn run(
        policy: RetryPolicy,
        failures: &[(u16, Option<u64>)],
    ) -> (Result<(), Error>, Vec<u128>) {
        let waits = Waits::default();
        let mut left = failures.iter();
        let result = Attempts::new(policy, &waits)
            .run(Phase::Search, || {
                let next = left.next();
                std::future::ready(next.map_or(Ok(()), |(code, after)| Err(status(*code, *after))))
            })
            .await;
        (result, waits.0.into_inner().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_that_passes_is_waited_out_with_doubling_delays() {
        let start = Instant::now();
        let (result, waits) = run(policy(), &[(503, None), (429, None), (425, None)]).await;
        result.unwrap();
        assert_eq!(waits, [500, 1000, 2000]);
        assert_eq!(start.elapsed().as_millis(), 3500);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_attempt_is_the_last() {
        let three = RetryPolicy {
            attempts: 3,
            ..policy()
        };
        let failures = [(503, None), (503, None), (408, None), (503, None)];
        let (result, waits) = run(three, &failures).await;
        let error = result.unwrap_err();
        assert_eq!(error.status(), Some(408));
        assert!(error.to_string().ends_with("(after 3 attempts)"), "{error}");
        assert_eq!(waits.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_repeated() {
        let (result, waits) = run(policy(), &[(422, None)]).await;
        assert_eq!(result.unwrap_err().status(), Some(422));
        assert!(waits.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_servers_own_wait_goes_over_a_shorter_one() {
        let (result, waits) = run(policy(), &[(503, Some(7)), (503, Some(0))]).await;
        result.unwrap();
        assert_eq!(waits, [7000, 1000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_beyond_the_budget_is_not_begun() {
        let start = Instant::now();
        let (result, waits) = run(policy(), &[(503, Some(200)), (503, Some(101))]).await;
        assert!(result.is_err());
        assert_eq!(waits, [200_000]);
        assert_eq!(start.elapsed().as_secs(), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_of_time_starts_with_the_first_failure() {
        let waits = Waits::default();
        let mut failed = false;
        let result = Attempts::new(policy(), &waits).run(Phase::Search, || {
            let fails = !std::mem::replace(&mut failed, true);
            async move {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                if fails {
                    return Err(status(503, None));
                }
                Ok(())
            }
        });
        result.await.unwrap();
    }

    #[test]
    fn a_delay_grows_to_its_limit_and_never_overflows() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.longest_delay_after(6).as_secs(), 16);
        assert_eq!(policy.longest_delay_after(u32::MAX), policy.max_delay);
        let endless = RetryPolicy {
            first_delay: Duration::MAX,
            max_delay: Duration::MAX,
            ..policy
        };
        assert_eq!(endless.longest_delay_after(u32::MAX), Duration::MAX);
    }

    #[test]
    fn jitter_never_waits_longer_than_it_may() {
        let longest = Duration::from_secs(8);
        assert!((0..1000).all(|_| full_jitter(longest) <= longest));
        assert_eq!(full_jitter(Duration::ZERO), Duration::ZERO);
    }
}
