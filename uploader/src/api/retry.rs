//! Repeats what may be repeated: exponential backoff with full jitter, within a budget of attempts
//! and of time. What may be repeated the caller knows: a GET, a PUT to an upload URL (which succeeds
//! again with the same bytes), and a POST once it is known to have had no effect.

use std::time::Duration;

use tokio::time::Instant;

use crate::base::error::{Cause, Error, Phase};
use crate::base::reporter::{Event, Reporter};

/// The fewest new bytes that make a connection worth its while. One that brings fewer is a failed attempt:
/// otherwise a server that gives a byte at a time would be asked as often as the file has bytes.
pub(crate) const MIN_PROGRESS: u64 = 64 * 1024;

/// How often, how long, and how far apart.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// All attempts, the first included; at least one is made.
    pub attempts: u32,
    /// No attempt begins later than this after the first failure. Not after the first attempt: an
    /// upload that breaks after an hour deserves another.
    pub time: Duration,
    /// The longest wait after the first failure; it doubles with each further one.
    pub first_delay: Duration,
    /// What it never exceeds by doubling.
    pub max_delay: Duration,
    /// How long after a connection broke the server may still do what it was asked.
    pub settle: Duration,
    /// Chooses the wait, given the longest: [`full_jitter`], or a fixed choice in a test.
    pub jitter: fn(Duration) -> Duration,
}

impl Default for RetryPolicy {
    /// Six attempts within five minutes, half a second to half a minute apart, with full jitter; five
    /// seconds to settle.
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
    /// One attempt.
    pub fn once() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }

    /// The longest wait after attempt number `attempt`, counted from 1.
    pub fn longest_delay_after(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.first_delay.saturating_mul(doubled).min(self.max_delay)
    }
}

/// Any wait up to the longest, all equally likely: clients that failed together do not come back
/// together.
pub fn full_jitter(longest: Duration) -> Duration {
    longest.mul_f64(fastrand::f64())
}

/// The attempts at one piece of work, counted and timed.
pub struct Attempts<'a> {
    policy: RetryPolicy,
    reporter: &'a dyn Reporter,
    made: u32,
    first_failure: Option<Instant>,
}

impl<'a> Attempts<'a> {
    /// Before the first attempt. `reporter` hears of each failure that is followed by another.
    pub fn new(policy: RetryPolicy, reporter: &'a dyn Reporter) -> Self {
        Self {
            policy,
            reporter,
            made: 1,
            first_failure: None,
        }
    }

    /// The number of the attempt that is being made, from 1.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// By what rules.
    pub fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    /// Waits as long as after a first failure, and counts nothing: for what made headway, and goes on.
    pub async fn pause(&self) {
        let longest = self.policy.longest_delay_after(1);
        tokio::time::sleep((self.policy.jitter)(longest)).await;
    }

    /// After a failure: waits as long as is due and returns true, or returns false at once when
    /// another attempt could not help, or would leave the budget.
    pub async fn again(&mut self, cause: &Cause) -> bool {
        let Some(delay) = self.announce(cause, Duration::ZERO) else {
            return false;
        };
        tokio::time::sleep(delay).await;
        true
    }

    /// The same without the wait, which is the caller's to use: how long it is, not less than
    /// `least`.
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

    /// Runs `attempt` until it succeeds, fails for good, or the budget is used up.
    ///
    /// # Errors
    /// The last failure, in `phase`, with the number of attempts.
    pub async fn run<T, Attempt: Future<Output = Result<T, Cause>>>(
        mut self,
        phase: Phase,
        // No async closure: its future could not be shown to be `Send`.
        mut attempt: impl FnMut() -> Attempt,
    ) -> Result<T, Error> {
        loop {
            match attempt().await {
                Ok(value) => return Ok(value),
                Err(cause) if self.again(&cause).await => {}
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

    /// Remembers the waits in milliseconds.
    #[derive(Default)]
    struct Waits(Mutex<Vec<u128>>);

    impl Reporter for Waits {
        fn report(&self, event: Event<'_>) {
            if let Event::Retrying { delay, .. } = event {
                self.0.lock().unwrap().push(delay.as_millis());
            }
        }
    }

    /// Without chance: always the longest wait.
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

    /// Fails with each status in turn, and then succeeds. Returns the waits.
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
