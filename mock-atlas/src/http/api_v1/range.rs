//! Parses the `Range` of a download: one range of bytes at most.

use std::ops::Range;

/// The part of a file that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole file: the header cannot be parsed, or has several ranges, which a server may ignore (RFC
    /// 9110, 14.2).
    Whole,
    /// A range of bytes, never empty and never beyond the end.
    Part(Range<u64>),
    /// A range that the file does not have.
    Unsatisfiable,
}

/// Parses the value of a `Range` header for a file of `len` bytes.
// Contract: silent.file-headers
pub(super) fn wanted(header: &str, len: u64) -> Wanted {
    let Ok(ranges) = http_range_header::parse_range_header(header) else {
        return Wanted::Whole;
    };
    if ranges.len() > 1 {
        return Wanted::Whole;
    }
    match ranges.validate(len).as_deref() {
        Ok([part]) => Wanted::Part(*part.start()..part.end() + 1),
        Ok(_) => Wanted::Whole,
        Err(_) => Wanted::Unsatisfiable,
    }
}

/// Returns whether the value of a `Range` header asks for bytes from exactly the end on. A client that resumes a
/// complete download sends such a range.
pub(crate) fn begins_at_end(header: &str, len: u64) -> bool {
    let Ok(ranges) = http_range_header::parse_range_header(header) else {
        return false;
    };
    if ranges.len() > 1 {
        return false;
    }
    // The range is one of a file that is a byte longer, and not of this one.
    let longer = ranges.validate(len.saturating_add(1));
    let is_one = longer.is_ok_and(|ranges| matches!(&ranges[..], [range] if *range.start() == len));
    is_one && ranges.validate(len).is_err()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_single_range_is_cut_to_the_file() {
        for (header, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-5", 2..6),
            ("bytes=5-", 5..10),
            ("bytes=5-99", 5..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("Bytes=1-1", 1..2),
        ] {
            assert_eq!(wanted(header, 10), Wanted::Part(expected), "{header}");
        }
    }

    #[test]
    fn what_cannot_be_read_or_is_several_asks_for_the_whole() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=a-b",
            "bytes=5-2",
            "lines=1-2",
            "bytes=0-1,3-4",
        ] {
            assert_eq!(wanted(header, 10), Wanted::Whole, "{header}");
        }
    }

    #[test]
    fn a_range_beyond_the_end_cannot_be_satisfied() {
        for header in [
            "bytes=10-",
            "bytes=10-12",
            "bytes=-0",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(wanted(header, 10), Wanted::Unsatisfiable, "{header}");
        }
        assert_eq!(wanted("bytes=0-", 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn a_range_from_the_end_on_is_told_from_others() {
        for (header, at_end) in [
            ("bytes=10-", true),
            ("bytes=10-12", true),
            ("bytes=9-", false),
            ("bytes=11-", false),
            ("bytes=-10", false),
            ("bytes=10-,11-", false),
            ("", false),
        ] {
            assert_eq!(begins_at_end(header, 10), at_end, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_yields_a_part_of_the_file(header in any::<String>(), len in any::<u64>()) {
            if let Wanted::Part(part) = wanted(&header, len) {
                prop_assert!(part.start < part.end && part.end <= len);
            }
        }

        #[test]
        fn first_and_last_byte_mean_what_they_say(
            len in 1..=u64::MAX, first in any::<u64>(), last in any::<u64>()
        ) {
            let (first, last) = (first.min(last), first.max(last));
            let expected = if first < len {
                Wanted::Part(first..(last.min(len - 1) + 1))
            } else {
                Wanted::Unsatisfiable
            };
            prop_assert_eq!(wanted(&format!("bytes={first}-{last}"), len), expected);
        }

        #[test]
        fn a_suffix_is_the_end_of_the_file(len in 1..=u64::MAX, count in 1..=u64::MAX) {
            let expected = Wanted::Part(len.saturating_sub(count)..len);
            prop_assert_eq!(wanted(&format!("bytes=-{count}"), len), expected);
        }
    }
}
