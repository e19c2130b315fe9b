//! Formats and parses times as RFC 3339.
//!
//! - `timestamp`: the shortest text, as in the recorded replies of artifacts
//! - `exact_timestamp`: always with milliseconds, as in the replies of boxes

use std::ops::Neg;
use std::time::{SystemTime, UNIX_EPOCH};

use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Duration, OffsetDateTime};

/// The format of RFC 3339 with three decimal places.
const MILLISECONDS: EncodedConfig = Config::DEFAULT
    .set_time_precision(TimePrecision::Second {
        decimal_digits: std::num::NonZeroU8::new(3),
    })
    .encode();

/// Returns a time in UTC as RFC 3339, or an empty text if RFC 3339 cannot express it. A
/// [`Clock`](super::Clock) never shows such a time.
pub(crate) fn timestamp(time: SystemTime) -> String {
    date(time)
        .and_then(|time| time.truncate_to_millisecond().format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Returns a time as [`timestamp`] does, always with three decimal places.
pub(crate) fn exact_timestamp(time: SystemTime) -> String {
    date(time)
        .and_then(|time| time.format(&Iso8601::<MILLISECONDS>).ok())
        .unwrap_or_default()
}

fn date(time: SystemTime) -> Option<OffsetDateTime> {
    let since_1970 = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => Duration::try_from(after),
        Err(before) => Duration::try_from(before.duration()).map(Neg::neg),
    };
    OffsetDateTime::UNIX_EPOCH.checked_add(since_1970.ok()?)
}

/// Returns the time that a text of RFC 3339 tells; `None` for another text, and for a time before
/// 1970.
pub(crate) fn parse_timestamp(text: &str) -> Option<SystemTime> {
    let time = SystemTime::from(OffsetDateTime::parse(text, &Rfc3339).ok()?);
    (time >= UNIX_EPOCH).then_some(time)
}

/// An error that names a text which is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time such as 2027-01-31T12:00:00Z")]
pub(crate) struct TimestampError(String);

/// Returns the time that a text of RFC 3339 tells, as [`parse_timestamp`] does.
///
/// # Errors
/// For another text, which the error names.
pub(crate) fn required_timestamp(text: &str) -> Result<SystemTime, TimestampError> {
    parse_timestamp(text).ok_or_else(|| TimestampError(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_parsed_as_it_is_written() {
        let time = UNIX_EPOCH + Duration::from_millis(1_500_000_000_123);
        assert_eq!(parse_timestamp(&timestamp(time)), Some(time));
        let offset = parse_timestamp("2017-07-14T04:40:00.123+02:00");
        assert_eq!(offset, Some(time));
        for text in ["", "2017-07-14", "1969-12-31T23:59:59Z", "yesterday"] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_rfc_3339_and_one_that_cannot_be_is_nothing() {
        let later = |seconds| {
            UNIX_EPOCH
                .checked_add(Duration::from_secs(seconds))
                .unwrap()
        };
        assert_eq!(timestamp(later(1)), "1970-01-01T00:00:01Z");
        assert_eq!(exact_timestamp(later(1)), "1970-01-01T00:00:01.000Z");
        let earlier = UNIX_EPOCH - Duration::from_millis(1);
        assert_eq!(timestamp(earlier), "1969-12-31T23:59:59.999Z");
        // Times that a handwritten snapshot may contain.
        for seconds in [1_000_000_000_000, 1_000_000_000_000_000, i64::MAX as u64] {
            assert_eq!(timestamp(later(seconds)), "", "{seconds}");
            assert_eq!(exact_timestamp(later(seconds)), "", "{seconds}");
        }
    }
}
