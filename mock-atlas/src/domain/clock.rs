//! The emulator's time of day.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The last time that RFC 3339 can write, 9999-12-31T23:59:59.999Z, after 1970.
const LAST: Duration = Duration::from_millis(253_402_300_799_999);

/// The time of day of an emulator, for [`Builder::clock`](crate::Builder::clock): when tokens and
/// versions were made, when requests came, and how old an upload path is to a
/// [fault](crate::Fault) that lets it expire. How long something took or may take is measured, and
/// goes by no such clock.
///
/// Cheap to clone; all clones are the same clock. Its times are from 1970 to 9999: in place of one
/// before or after it shows the first or the last of them.
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
/// // Your client takes its time. What does it do about a path that is not known any more?
/// clock.advance(Duration::from_secs(3600));
/// let upload_path = version["upload_path"].as_str().unwrap();
/// assert_eq!(http.put(upload_path).body("bytes").send().await?.status(), 404);
///
/// // And what is shown is the same each time.
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
    /// Where it stands; the system's clock if nowhere.
    fixed: Option<SystemTime>,
    /// How far it is ahead of that.
    ahead: Mutex<Duration>,
}

impl Clock {
    /// The clock of this machine, as an emulator has it by default.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at a time until it is moved.
    pub fn fixed(time: SystemTime) -> Self {
        Self(Arc::new(Inner {
            fixed: Some(time),
            ahead: Mutex::default(),
        }))
    }

    /// Moves it on. The clock of this machine is that far ahead from then on, for the emulator.
    pub fn advance(&self, by: Duration) {
        let mut ahead = self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        *ahead = ahead.saturating_add(by);
    }

    /// What it shows.
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
