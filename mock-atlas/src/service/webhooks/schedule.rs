//! The times of the tries of a delivery.

use std::time::Duration;

/// The delays before the second try and the further ones, in multiples of the first delay. With a first delay of five
/// seconds they are 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h, 3 h and 5 h: about twelve hours.
const DELAYS: [u32; 9] = [1, 6, 24, 120, 360, 720, 1440, 2160, 3600];

/// The time for which a delivery is claimed beyond the longest try, to record its outcome.
const BEYOND: Duration = Duration::from_secs(30);

/// The times of deliveries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WebhookTiming {
    /// The delay before the second try.
    pub(crate) delay: Duration,
    /// The longest time of a try.
    pub(crate) timeout: Duration,
}

impl Default for WebhookTiming {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            timeout: Duration::from_secs(20),
        }
    }
}

impl WebhookTiming {
    /// Returns the delay after so many tries that have failed, a fifth more or less by chance; `None` if there is no
    /// other try.
    pub(crate) fn delay_after(&self, tries: u64) -> Option<Duration> {
        let at = usize::try_from(tries.checked_sub(1)?).ok()?;
        let delay = self.delay.saturating_mul(*DELAYS.get(at)?);
        Some(delay.mul_f64(0.8 + 0.4 * fastrand::f64()))
    }

    /// Returns the time for which a try is claimed.
    pub(crate) fn lease(&self) -> Duration {
        self.timeout.saturating_add(BEYOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delays_grow_end_after_about_twelve_hours_and_differ() {
        let timing = WebhookTiming::default();
        let delays = || (1..).map_while(|tries| timing.delay_after(tries));
        let delays: Vec<_> = delays().collect();
        assert_eq!(delays.len(), 9);
        assert!(delays.is_sorted(), "{delays:?}");
        let hours = delays.iter().sum::<Duration>().as_secs() / 3600;
        assert!((9..=14).contains(&hours), "{hours}");
        assert!((4..=6).contains(&delays[0].as_secs()), "{delays:?}");
        let other: Vec<_> = (1..).map_while(|tries| timing.delay_after(tries)).collect();
        assert_ne!(delays, other);
        assert_eq!(timing.delay_after(0), None);
    }
}
