//! A pace limits how fast requests follow each other.

use std::{
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// A number of requests per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate(f64);

impl Rate {
    /// The default rate for a server that others use: ten requests per second.
    pub const GENTLE: Self = Self(10.0);
}

/// The error of a text that is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("requests per second are a number from 0.01 to 100000")]
pub struct InvalidRate;

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let rate = text.parse().map_err(|_| InvalidRate)?;
        // The bounds also ensure that the time between two requests can be represented.
        if (0.01..=100_000.0).contains(&rate) {
            Ok(Self(rate))
        } else {
            Err(InvalidRate)
        }
    }
}

/// A `Pace` delays requests so that at least a fixed time passes between two of them.
pub(crate) struct Pace {
    gap: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Creates a pace for this rate. Without a rate, no request waits.
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        Self {
            gap: rate.map_or(Duration::ZERO, |Rate(rate)| {
                Duration::from_secs_f64(1.0 / rate)
            }),
            next: Mutex::default(),
        }
    }

    /// Waits until the next request may be sent.
    pub(crate) async fn turn(&self) {
        if !self.gap.is_zero() {
            sleep_until(self.slot()).await;
        }
    }

    fn slot(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = next.map_or_else(Instant::now, |next| next.max(Instant::now()));
        *next = Some(slot + self.gap);
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_come_no_faster_than_their_rate_and_none_is_made_up_for() {
        let pace = Pace::new(Some("4".parse().unwrap()));
        let start = Instant::now();
        for _ in 0..5 {
            pace.turn().await;
        }
        let passed = start.elapsed();
        assert!((1000..1010).contains(&passed.as_millis()), "{passed:?}");
        tokio::time::advance(Duration::from_secs(60)).await;
        let later = Instant::now();
        pace.turn().await;
        pace.turn().await;
        let passed = later.elapsed();
        assert!((250..260).contains(&passed.as_millis()), "{passed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        let (pace, start) = (Pace::new(None), Instant::now());
        for _ in 0..1000 {
            pace.turn().await;
        }
        assert!(start.elapsed().is_zero());
    }

    #[test]
    fn a_rate_is_a_number_that_leaves_time_between_requests() {
        for text in ["", "0", "-1", "fast", "NaN", "inf", "1e-9"] {
            assert_eq!(text.parse::<Rate>(), Err(InvalidRate), "{text}");
        }
        assert_eq!("0.5".parse(), Ok(Rate(0.5)));
    }
}
