//! Tracks a registry's rate limits: how many requests are left, and when they are renewed.
//!
//! Evidence: the headers of HCP Vagrant and of the old Vagrant Cloud, as public issues show them (vagrant#13590,
//! containerd#11364). HCP allows 20 downloads of boxes, and 2000 requests, an hour.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The longest wait that a registry can demand. A day is longer than any known window.
const LONGEST: Duration = Duration::from_secs(25 * 60 * 60);
/// The first and the longest wait for a registry that tells none; the wait doubles from one to the other.
const FIRST_GUESS: Duration = Duration::from_secs(60);
const LAST_GUESS: Duration = Duration::from_secs(60 * 60);

const DOWNLOADS_REMAIN: &str = "x-hcp-vagrant-limit-boxdownloads-remain";
const REQUESTS_REMAIN: &str = "x-hcp-vagrant-limit-global-remain";
const HCP_RETRY_AFTER: &str = "x-hcp-vagrant-limit-retry-after";
const OLD_REMAIN: &str = "x-ratelimit-remaining";
const OLD_RESET: &str = "x-ratelimit-reset";

/// The remainder of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// The number that is left.
    pub left: u64,
    /// The limit for one window of time.
    pub of: Option<u64>,
}

/// The limits that a registry sent last.
#[derive(Debug, Default)]
pub(super) struct RateLimits(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The time until which no request is allowed.
    until: Option<SystemTime>,
    /// The time until which no download is allowed.
    no_download_until: Option<SystemTime>,
    reported: Option<SystemTime>,
    downloads: Option<Remaining>,
}

impl RateLimits {
    /// Records the limits in a reply that was not refused.
    pub(super) fn record(&self, headers: &HeaderMap) {
        let is_used_up = |name| remaining(headers, name).is_some_and(|left| left.left == 0);
        let mut state = self.state();
        state.downloads = remaining(headers, DOWNLOADS_REMAIN).or(state.downloads);
        let latest = SystemTime::now() + LONGEST;
        let Some(until) = retry_time(headers).filter(|until| *until <= latest) else {
            return;
        };
        if is_used_up(REQUESTS_REMAIN) || is_used_up(OLD_REMAIN) {
            state.until = Some(until);
        } else if is_used_up(DOWNLOADS_REMAIN) {
            state.no_download_until = Some(until);
        }
    }

    /// Records the `times`th consecutive refusal (429), counted from 1, and returns the time until which to
    /// wait.
    ///
    /// # Errors
    /// Returns that time as an error if it is too far away to wait for.
    pub(super) fn refused(
        &self,
        headers: &HeaderMap,
        times: u32,
    ) -> Result<SystemTime, SystemTime> {
        let guess = FIRST_GUESS
            .saturating_mul(2_u32.saturating_pow(times.saturating_sub(1)))
            .min(LAST_GUESS);
        let now = SystemTime::now();
        let until = match retry_time(headers) {
            // The wait that the registry told has not helped before.
            Some(until) if times > 1 => until.max(now + Duration::from_secs(1)),
            Some(until) => until,
            None => now + guess,
        };
        if until > now + LONGEST {
            return Err(until);
        }
        self.state().until = Some(until);
        Ok(until)
    }

    /// Returns the time until which no request, or no download, is allowed; `None` when requests are allowed
    /// now.
    pub(super) fn wait_until(&self, download: bool) -> Option<SystemTime> {
        let now = SystemTime::now();
        let state = self.state();
        let for_downloads = state.no_download_until.filter(|_| download);
        state.until.max(for_downloads).filter(|until| *until > now)
    }

    /// Marks this wait as reported; returns whether it had not been reported before.
    pub(super) fn mark_reported(&self, until: SystemTime) -> bool {
        self.state().reported.replace(until) != Some(until)
    }

    /// Returns the number of downloads left, if the registry counts them.
    pub(super) fn downloads(&self) -> Option<Remaining> {
        self.state().downloads
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parses `n` or `n/of`.
fn remaining(headers: &HeaderMap, name: &str) -> Option<Remaining> {
    let text = headers.get(name)?.to_str().ok()?;
    let (left, of) = match text.split_once('/') {
        Some((left, of)) => (left, of.trim().parse().ok()),
        None => (text, None),
    };
    let left = left.trim().parse().ok()?;
    Some(Remaining { left, of })
}

/// Returns the time at which a registry may be asked again: the latest of all its headers; `None` when that is
/// past.
fn retry_time(headers: &HeaderMap) -> Option<SystemTime> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let epoch = |name| {
        let since = Duration::from_secs(text(name)?.parse().ok()?);
        let time = SystemTime::UNIX_EPOCH.checked_add(since)?;
        Some(by_our_clock(headers, time))
    };
    let after = || {
        let after = text(RETRY_AFTER.as_str())?;
        match after.parse() {
            Ok(seconds) => SystemTime::now().checked_add(Duration::from_secs(seconds)),
            Err(_) => Some(by_our_clock(
                headers,
                httpdate::parse_http_date(after).ok()?,
            )),
        }
    };
    let times = [epoch(HCP_RETRY_AFTER), epoch(OLD_RESET), after()];
    let now = SystemTime::now();
    times.into_iter().flatten().max().filter(|time| *time > now)
}

/// Converts a time of the registry's clock to the local clock, by the reply's `Date`.
fn by_our_clock(headers: &HeaderMap, time: SystemTime) -> SystemTime {
    let theirs = headers.get(DATE).and_then(|date| date.to_str().ok());
    let theirs = theirs.and_then(|date| httpdate::parse_http_date(date).ok());
    match theirs.map(|theirs| time.duration_since(theirs)) {
        Some(Ok(left)) => SystemTime::now().checked_add(left).unwrap_or(time),
        _ => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, String)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        };
        pairs.iter().map(pair).collect()
    }

    fn in_seconds(time: SystemTime) -> u64 {
        let left = time.duration_since(SystemTime::now()).unwrap_or_default();
        left.as_secs_f64().round() as u64
    }

    fn epoch(seconds_from_now: u64) -> String {
        let time = SystemTime::now() + Duration::from_secs(seconds_from_now);
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        since.as_secs().to_string()
    }

    #[test]
    fn a_refusal_says_in_four_ways_for_how_long() {
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        for (name, value) in [
            (HCP_RETRY_AFTER, epoch(100)),
            (OLD_RESET, epoch(100)),
            ("retry-after", "100".to_owned()),
            ("retry-after", date),
        ] {
            let until = RateLimits::default()
                .refused(&headers(&[(name, value)]), 1)
                .unwrap();
            assert!((98..=101).contains(&in_seconds(until)), "{name}");
        }
    }

    #[test]
    fn without_a_word_the_waits_double_to_an_hour_and_a_year_is_not_waited_for() {
        let limits = RateLimits::default();
        let waits = [1, 2, 3, 7, 20].map(|times| {
            let until = limits.refused(&HeaderMap::new(), times).unwrap();
            in_seconds(until)
        });
        assert_eq!(waits, [60, 120, 240, 3600, 3600]);
        let year = headers(&[("retry-after", (365 * 86_400).to_string())]);
        assert!(limits.refused(&year, 1).is_err());
    }

    #[test]
    fn the_last_download_of_a_window_is_followed_by_a_wait() {
        let limits = RateLimits::default();
        let reply = |left: &str| {
            headers(&[
                (DOWNLOADS_REMAIN, left.to_owned()),
                (HCP_RETRY_AFTER, epoch(50)),
            ])
        };
        limits.record(&reply("1/20"));
        assert_eq!(limits.wait_until(true), None);
        let (left, of) = (1, Some(20));
        assert_eq!(limits.downloads(), Some(Remaining { left, of }));
        limits.record(&reply("0/20"));
        assert_eq!(limits.wait_until(false), None);
        let until = limits.wait_until(true).unwrap();
        assert!(limits.mark_reported(until) && !limits.mark_reported(until));
        let year_2100 = [
            (REQUESTS_REMAIN, "0/2000".to_owned()),
            (HCP_RETRY_AFTER, "4102444800".to_owned()),
        ];
        limits.record(&headers(&year_2100));
        assert_eq!(limits.wait_until(true), Some(until));
    }

    #[test]
    fn a_time_that_has_passed_is_no_answer() {
        let limits = RateLimits::default();
        let headers = headers(&[(OLD_RESET, "3".to_owned()), ("retry-after", "5".to_owned())]);
        assert_eq!(in_seconds(limits.refused(&headers, 1).unwrap()), 5);
        let zero = self::headers(&[("retry-after", "0".to_owned())]);
        assert_eq!(in_seconds(limits.refused(&zero, 1).unwrap()), 60);
    }

    #[test]
    fn a_registry_whose_clock_is_wrong_is_understood() {
        let theirs = SystemTime::now() - Duration::from_secs(5000);
        let since = theirs
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let headers = headers(&[
            ("date", httpdate::fmt_http_date(theirs)),
            (HCP_RETRY_AFTER, (since + 30).to_string()),
        ]);
        let until = RateLimits::default().refused(&headers, 1).unwrap();
        assert!((29..=31).contains(&in_seconds(until)), "{until:?}");
    }
}
