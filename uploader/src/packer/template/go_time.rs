//! Formats times as Go does: a layout shows how 2006-01-02 15:04:05 would look.
//!
//! Evidence: Go 1.19, whose own results are in the tests. The time is always UTC, as in Packer.

use std::fmt::Write as _;

use time::OffsetDateTime;

/// The layout that `isotime` uses without an argument.
pub(super) const RFC3339: &str = "2006-01-02T15:04:05Z07:00";

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[derive(Debug, Clone, Copy)]
enum Part {
    LongMonth,
    Month,
    NumMonth(usize),
    LongWeekday,
    Weekday,
    Day(usize),
    UnderDay,
    YearDay,
    UnderYearDay,
    Hour,
    Hour12(usize),
    Minute(usize),
    Second(usize),
    Year,
    ShortYear,
    UpperHalf,
    LowerHalf,
    /// A zone, which is constant in UTC.
    Zone(&'static str),
}

/// The parts of a layout. Where a part is a prefix of another, the longer one comes first.
const PARTS: [(&str, Part); 33] = [
    ("January", Part::LongMonth),
    ("Jan", Part::Month),
    ("Monday", Part::LongWeekday),
    ("Mon", Part::Weekday),
    ("MST", Part::Zone("UTC")),
    ("002", Part::YearDay),
    ("01", Part::NumMonth(2)),
    ("02", Part::Day(2)),
    ("03", Part::Hour12(2)),
    ("04", Part::Minute(2)),
    ("05", Part::Second(2)),
    ("06", Part::ShortYear),
    ("15", Part::Hour),
    ("1", Part::NumMonth(1)),
    ("2006", Part::Year),
    ("2", Part::Day(1)),
    ("__2", Part::UnderYearDay),
    ("_2", Part::UnderDay),
    ("3", Part::Hour12(1)),
    ("4", Part::Minute(1)),
    ("5", Part::Second(1)),
    ("PM", Part::UpperHalf),
    ("pm", Part::LowerHalf),
    ("-070000", Part::Zone("+000000")),
    ("-07:00:00", Part::Zone("+00:00:00")),
    ("-0700", Part::Zone("+0000")),
    ("-07:00", Part::Zone("+00:00")),
    ("-07", Part::Zone("+00")),
    ("Z070000", Part::Zone("Z")),
    ("Z07:00:00", Part::Zone("Z")),
    ("Z0700", Part::Zone("Z")),
    ("Z07:00", Part::Zone("Z")),
    ("Z07", Part::Zone("Z")),
];

/// The `strftime` directives of Packer 1.6.6, with their layouts.
const DIRECTIVES: [(char, &str); 16] = [
    ('a', "Mon"),
    ('A', "Monday"),
    ('b', "Jan"),
    ('B', "January"),
    ('d', "02"),
    ('H', "15"),
    ('I', "03"),
    ('L', ".000"),
    ('m', "01"),
    ('M', "04"),
    ('p', "PM"),
    ('S', "05"),
    ('y', "06"),
    ('Y', "2006"),
    ('z', "-0700"),
    ('Z', "MST"),
];

/// Formats `time` by `strftime` directives; an unknown directive stays as it is.
pub(super) fn strftime(time: OffsetDateTime, text: &str) -> String {
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        written += before;
        let directive = after.chars().next();
        let layout = DIRECTIVES.iter().find(|(name, _)| directive == Some(*name));
        match (layout, directive) {
            (Some((_, layout)), _) => written += &format(time, layout),
            (None, Some('%')) => written.push('%'),
            (None, unknown) => written.extend(std::iter::once('%').chain(unknown)),
        }
        rest = directive.map_or("", |directive| &after[directive.len_utf8()..]);
    }
    written + rest
}

/// Formats `time` by a layout.
pub(super) fn format(time: OffsetDateTime, layout: &str) -> String {
    let mut written = String::new();
    let mut rest = layout;
    while let Some(first) = rest.chars().next() {
        let length = if let Some((length, fraction)) = fraction(time, rest) {
            written += &fraction;
            length
        } else if let Some((length, part)) = part(rest) {
            write_part(&mut written, time, part);
            length
        } else {
            written.push(first);
            first.len_utf8()
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    written
}

fn part(rest: &str) -> Option<(usize, Part)> {
    let found = PARTS.iter().find(|(name, part)| {
        let lower = |rest: &str| rest.starts_with(|c: char| c.is_ascii_lowercase());
        rest.strip_prefix(name).is_some_and(|after| match part {
            Part::Month | Part::Weekday => !lower(after),
            // `_2006` is an underscore and a year.
            Part::UnderDay => !after.starts_with("006"),
            _ => true,
        })
    });
    found.map(|(name, part)| (name.len(), *part))
}

/// Reads fractional seconds: a point or a comma followed by zeros (exactly that many digits) or nines
/// (at most that many), unless another digit follows.
fn fraction(time: OffsetDateTime, rest: &str) -> Option<(usize, String)> {
    let separator = rest.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let digits = &rest[1..];
    let digit = digits.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let after = digits.trim_start_matches(digit);
    if after.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let count = digits.len() - after.len();
    let all = format!("{:09}", time.nanosecond());
    let mut shown = &all[..count.min(all.len())];
    if digit == '9' {
        shown = shown.trim_end_matches('0');
    }
    let text = match (digit, shown) {
        ('9', "") => String::new(),
        _ => format!("{separator}{shown}"),
    };
    Some((1 + count, text))
}

fn write_part(written: &mut String, time: OffsetDateTime, part: Part) {
    let month = MONTHS[usize::from(u8::from(time.month())) - 1];
    let weekday = WEEKDAYS[usize::from(time.weekday().number_days_from_sunday())];
    let hour12 = match time.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let half = if time.hour() < 12 { "AM" } else { "PM" };
    // Writing to a string cannot fail.
    let _ = match part {
        Part::LongMonth => write!(written, "{month}"),
        Part::Month => write!(written, "{}", &month[..3]),
        Part::NumMonth(width) => write!(written, "{:0width$}", u8::from(time.month())),
        Part::LongWeekday => write!(written, "{weekday}"),
        Part::Weekday => write!(written, "{}", &weekday[..3]),
        Part::Day(width) => write!(written, "{:0width$}", time.day()),
        Part::UnderDay => write!(written, "{:2}", time.day()),
        Part::YearDay => write!(written, "{:03}", time.ordinal()),
        Part::UnderYearDay => write!(written, "{:3}", time.ordinal()),
        Part::Hour => write!(written, "{:02}", time.hour()),
        Part::Hour12(width) => write!(written, "{hour12:0width$}"),
        Part::Minute(width) => write!(written, "{:0width$}", time.minute()),
        Part::Second(width) => write!(written, "{:0width$}", time.second()),
        Part::Year => write!(written, "{:04}", time.year()),
        Part::ShortYear => write!(written, "{:02}", time.year().rem_euclid(100)),
        Part::UpperHalf => write!(written, "{half}"),
        Part::LowerHalf => write!(written, "{}", half.to_lowercase()),
        Part::Zone(text) => write!(written, "{text}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-07 15:04:09.12 and 1999-12-31 00:00:00.
    const MOMENTS: [i128; 2] = [1_772_895_849_120_000_000, 946_598_400_000_000_000];

    /// Layouts, and what Go 1.19 printed for both moments.
    const GOES: [(&str, &str, &str); 10] = [
        (
            "2006-01-02T15:04:05Z07:00",
            "2026-03-07T15:04:09Z",
            "1999-12-31T00:00:00Z",
        ),
        (
            "Monday, 02-Jan-06 3:4:5 PM MST",
            "Saturday, 07-Mar-26 3:4:9 PM UTC",
            "Friday, 31-Dec-99 12:0:0 AM UTC",
        ),
        (
            "Mon Jan _2 15:04:05 2006",
            "Sat Mar  7 15:04:09 2026",
            "Fri Dec 31 00:00:00 1999",
        ),
        (
            "January 2 __2 002 pm",
            "March 7  66 066 pm",
            "December 31 365 365 am",
        ),
        (
            "20060102-1504 -0700 -07:00 -07 Z0700",
            "20260307-1504 +0000 +00:00 +00 Z",
            "19991231-0000 +0000 +00:00 +00 Z",
        ),
        (
            "15.04.05.000 .999 ,00 .0000000000000",
            "15.04.09.120 .12 ,12 .120000000",
            "00.00.00.000  ,00 .000000000",
        ),
        (
            "_2006 Janet Monty 1 12",
            "_2026 Janet Monty 3 37",
            "_1999 Janet Monty 12 1231",
        ),
        ("03:04:05.999999 x2x", "03:04:09.12 x7x", "12:00:00 x31x"),
        (
            "é 06 -070000 -07:00:00 Z070000",
            "é 26 +000000 +00:00:00 Z",
            "é 99 +000000 +00:00:00 Z",
        ),
        (
            " .0001 Z07:00:00 Z07 J M",
            " .0003 Z Z J M",
            " .0012 Z Z J M",
        ),
    ];

    #[test]
    fn a_layout_gives_what_go_gives() {
        for (layout, first, second) in GOES {
            for (moment, expected) in MOMENTS.into_iter().zip([first, second]) {
                let time = OffsetDateTime::from_unix_timestamp_nanos(moment).unwrap();
                assert_eq!(format(time, layout), expected, "{layout}");
            }
        }
    }

    #[test]
    fn strftime_gives_what_packer_gives() {
        // Packer 1.6.6 printed this for another moment.
        let directives = "%a %A %b %B %c %d %e %f %H %I %j %L %m %M %p %S %y %Y %z %Z %% %é 15 x%";
        let printed = "Sat Saturday Mar March %c 07 %e %f 15 03 %j .120 03 04 PM 09 26 2026 +0000 UTC % %é 15 x%";
        let time = OffsetDateTime::from_unix_timestamp_nanos(MOMENTS[0]).unwrap();
        assert_eq!(strftime(time, directives), printed);
    }
}
