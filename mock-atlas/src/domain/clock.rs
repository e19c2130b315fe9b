//! The clock that gives the emulator its time of day.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The latest time that RFC 3339 can express, 9999-12-31T23:59:59.999Z, as a duration after 1970.
const LAST: Duration = Duration::from_millis(253_402_300_799_999);

/// A clock for [`Builder::clock`](crate::Builder::clock). It dates tokens, versions and requests,
/// measures the age of an upload path for a [fault](crate::Fault) with `expire`, and says when a delivery to a webhook is
/// due. Other durations and timeouts are measured with the system's monotonic clock instead.
///
/// A clone is cheap and shares the clock with its original. Times are limited to the years 1970 to
/// 9999.
///
/// ```
/// # async fn body() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::{Duration, SystemTime};
///
/// use mock_atlas::{Clock, MockAtlas};
///
/// let clock = Clock::fixed(SystemTime::UNIX_EPOCH);
/// let atlas = MockAtlas::builder()
///     .clock(clock.clone())
///     .public_artifact("acme/web")
///     .fault("upload:expire=60m".parse()?)
///     .start()
///     .await?;
/// let http = reqwest::Client::new();
/// let versions = format!("{}/api/v1/artifacts/acme/web/custom.image", atlas.url());
/// let version: serde_json::Value = http
///     .post(versions)
///     .bearer_auth(atlas.token())
///     .body(r#"{"artifact_version": {"file": true}}"#)
///     .send()
///     .await?
///     .json()
///     .await?;
///
/// // The client takes an hour, after which the emulator no longer knows the path.
/// clock.advance(Duration::from_secs(3600));
/// let upload_path = version["upload_path"].as_str().unwrap();
/// assert_eq!(http.put(upload_path).body("bytes").send().await?.status(), 404);
///
/// // The journal shows the same times in every run.
/// let times: Vec<SystemTime> = atlas.requests().iter().map(|request| request.time).collect();
/// assert_eq!(times, [SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_secs(3600)]);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(body()).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The start time; `None` for the system's clock.
    fixed: Option<SystemTime>,
    /// The duration by which the clock is ahead of its start time.
    ahead: Mutex<Duration>,
}

impl Clock {
    /// Creates a clock that follows the system's clock; this is the default of an emulator.
    pub fn system() -> Self {
        Self::default()
    }

    /// Creates a clock that stands still at `time` until it is advanced.
    pub fn fixed(time: SystemTime) -> Self {
        Self(Arc::new(Inner {
            fixed: Some(time),
            ahead: Mutex::default(),
        }))
    }

    /// Advances the clock. A system clock goes on from the advanced time.
    pub fn advance(&self, by: Duration) {
        let mut ahead = self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        *ahead = ahead.saturating_add(by);
    }

    /// Returns the current time of this clock.
    pub fn now(&self) -> SystemTime {
        let start = self.0.fixed.unwrap_or_else(SystemTime::now);
        let start = start.duration_since(SystemTime::UNIX_EPOCH);
        let ahead = *self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let now = start.unwrap_or_default().saturating_add(ahead);
        SystemTime::UNIX_EPOCH + now.min(LAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn a_fixed_clock_stands_until_it_or_a_clone_of_it_is_moved() {
        let clock = Clock::fixed(SystemTime::UNIX_EPOCH + DAY);
        let clone = clock.clone();
        assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + DAY);
        clone.advance(DAY);
        clock.advance(Duration::from_millis(1));
        assert_eq!(timestamp(clone.now()), "1970-01-03T00:00:00.001Z");
    }

    #[test]
    fn the_clock_of_the_system_goes_on_by_itself_and_can_be_moved() {
        let clock = Clock::system();
        let before = SystemTime::now();
        assert!(before <= clock.now() && clock.now() <= SystemTime::now());
        clock.advance(DAY);
        assert!(before + DAY <= clock.now() && clock.now() <= SystemTime::now() + DAY);
    }

    #[test]
    fn it_shows_no_time_that_cannot_be_written() {
        let clock = Clock::fixed(SystemTime::UNIX_EPOCH - DAY);
        assert_eq!(timestamp(clock.now()), "1970-01-01T00:00:00Z");
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(timestamp(clock.now()), "9999-12-31T23:59:59.999Z");
    }
}
