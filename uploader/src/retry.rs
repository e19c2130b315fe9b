//! Repeats what may be repeated. The caller decides what that is: a GET, and a PUT to an upload URL
//! (which succeeds again with the same bytes); never a POST, which could double a version.

use std::time::Duration;

use crate::error::{Cause, Error, Phase};

/// How often, and how far apart. The wait doubles with each attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// All attempts, the first included; at least one is made.
    pub attempts: u32,
    /// The wait after the first failure.
    pub first_delay: Duration,
}

impl Default for RetryPolicy {
    /// Three attempts, half a second and a second apart.
    fn default() -> Self {
        Self {
            attempts: 3,
            first_delay: Duration::from_millis(500),
        }
    }
}

impl RetryPolicy {
    /// The wait after attempt number `attempt`, counted from 1.
    pub fn delay_after(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.first_delay.saturating_mul(doubled)
    }

    /// Runs `attempt` until it succeeds, fails for good, or the attempts are used up. `told` hears
    /// of each failure that is followed by another attempt. Returns what succeeded, and how many
    /// attempts that took.
    ///
    /// # Errors
    /// The last failure, in `phase`, with the number of attempts.
    pub async fn run<T, Attempt: Future<Output = Result<T, Cause>>>(
        &self,
        phase: Phase,
        told: impl Fn(u32, Duration, &Cause),
        // No async closure: its future could not be shown to be `Send`.
        mut attempt: impl FnMut() -> Attempt,
    ) -> Result<(T, u32), Error> {
        let mut made = 1;
        loop {
            match attempt().await {
                Ok(value) => return Ok((value, made)),
                Err(cause) if made < self.attempts && cause.is_transient() => {
                    let delay = self.delay_after(made);
                    told(made, delay, &cause);
                    tokio::time::sleep(delay).await;
                    made += 1;
                }
                Err(cause) => return Err(Error::new(phase, cause).after(made)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::RequestLine;
    use std::cell::RefCell;
    use tokio::time::Instant;

    fn status(status: u16) -> Cause {
        Cause::Status {
            request: RequestLine {
                method: "GET",
                url: String::new(),
            },
            status,
            messages: Vec::new(),
        }
    }

    /// Answers with each status in turn, then with success.
    async fn run(statuses: &[u16]) -> (Result<((), u32), Error>, Vec<u32>, Duration) {
        let mut left = statuses.iter();
        let told = RefCell::new(Vec::new());
        let start = Instant::now();
        let result = RetryPolicy::default()
            .run(
                Phase::Search,
                |attempt, _, _| told.borrow_mut().push(attempt),
                || std::future::ready(left.next().map_or(Ok(()), |code| Err(status(*code)))),
            )
            .await;
        (result, told.into_inner(), start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_that_passes_is_waited_out_with_doubling_delays() {
        let (result, told, waited) = run(&[503, 429]).await;
        assert_eq!(result.unwrap().1, 3);
        assert_eq!(told, [1, 2]);
        assert_eq!(waited.as_millis(), 1500);
    }

    #[tokio::test(start_paused = true)]
    async fn the_third_failure_is_the_last() {
        let (result, told, _) = run(&[503, 503, 408, 503]).await;
        let error = result.unwrap_err();
        assert_eq!(error.status(), Some(408));
        assert!(error.to_string().ends_with("(after 3 attempts)"), "{error}");
        assert_eq!(told, [1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_repeated() {
        let (result, told, waited) = run(&[422]).await;
        assert_eq!(result.unwrap_err().status(), Some(422));
        assert!(told.is_empty());
        assert!(waited.is_zero());
    }

    #[test]
    fn a_delay_never_overflows() {
        let policy = RetryPolicy {
            attempts: u32::MAX,
            first_delay: Duration::from_secs(u64::MAX),
        };
        assert_eq!(policy.delay_after(u32::MAX), Duration::MAX);
    }
}
