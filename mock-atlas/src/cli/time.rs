//! Times on the command line: RFC 3339, or a duration from now.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The longest duration that is taken: a hundred years.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A time that was told as RFC 3339, or as a duration before or after now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    At(OffsetDateTime),
    /// The duration between now and the time.
    Away(Duration),
}

impl Time {
    /// Reads a time such as `2027-01-31T12:00:00Z`, or a duration such as `90d`.
    ///
    /// # Errors
    /// For another text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(time) = parse_timestamp(text) {
            return Ok(Self::At(time));
        }
        let duration = parse_duration(text);
        duration.map(Self::Away).ok_or_else(|| {
            "expected a duration with its unit (s, m, h, d or w), such as 90d, or a time such as \
             2027-01-31T12:00:00Z"
                .to_owned()
        })
    }

    /// Returns the time as RFC 3339, where a duration counts from now into the future.
    pub(super) fn in_future(self) -> String {
        self.text(|now, away| now + away)
    }

    /// Returns the time as RFC 3339, where a duration counts from now into the past.
    pub(super) fn in_past(self) -> String {
        self.text(|now, away| now - away)
    }

    fn text(self, shift: impl FnOnce(OffsetDateTime, Duration) -> OffsetDateTime) -> String {
        let time = match self {
            Self::At(time) => time,
            Self::Away(away) => shift(SystemTime::now().into(), away),
        };
        // It fails for years that RFC 3339 cannot express, which neither way of telling a time gives.
        time.format(&Rfc3339).unwrap_or_default()
    }
}

/// Reads a time of RFC 3339; `None` for another text.
pub(super) fn parse_timestamp(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// Reads a duration with its unit, such as `90d`; `None` for another text, and for one beyond a hundred years.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return None,
    };
    let duration = Duration::from_secs(number.checked_mul(seconds)?);
    (duration <= LONGEST).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_a_bound() {
        let seconds = |text| parse_duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("2m"), Some(120));
        assert_eq!(seconds("1h"), Some(3600));
        assert_eq!(seconds("30d"), Some(2_592_000));
        assert_eq!(seconds("1w"), Some(604_800));
        for text in ["", "d", "30", "-1d", "1.5h", "1y", "30 d", "9999999d", "1ü"] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_time_is_what_was_told_or_is_away_from_now() {
        let told = Time::parse("2027-01-31T12:00:00Z").unwrap();
        assert_eq!(told.in_future(), "2027-01-31T12:00:00Z");
        let later = Time::parse("30d").unwrap().in_future();
        let later = OffsetDateTime::parse(&later, &Rfc3339).unwrap();
        let days = (later - OffsetDateTime::now_utc()).whole_hours();
        assert!((719..=720).contains(&days), "{later}");
        for text in ["", "2027-01-31", "tomorrow", "30"] {
            let error = Time::parse(text).unwrap_err();
            assert!(error.contains("such as 90d"), "{error}");
        }
    }
}
