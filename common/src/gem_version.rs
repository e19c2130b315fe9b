//! Orders version numbers like RubyGems, whose rules Vagrant follows for its boxes.

use std::cmp::Ordering;

/// Returns whether RubyGems can parse a version. A version that it cannot parse makes the whole catalog unusable
/// for Vagrant.
pub fn is_gem_version(version: &str) -> bool {
    let (release, suffix) = match version.split_once('-') {
        Some((release, suffix)) => (release, Some(suffix)),
        None => (version, None),
    };
    let mut parts = release.split('.');
    let first = parts.next().unwrap_or_default();
    let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    let word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let with_dash = |part: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !part.is_empty() && part.bytes().all(allowed)
    };
    is_number && parts.all(word) && suffix.is_none_or(|suffix| suffix.split('.').all(with_dash))
}

/// A version number in the order of RubyGems: numbers by value, and parts with letters before numbers, so that
/// `1.0.0.rc1` comes before `1.0.0`. Versions that RubyGems cannot parse are ordered too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GemVersion(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Letters(String),
    /// A number without leading zeros, so that a longer number is larger.
    Digits(String),
}

impl GemVersion {
    /// Parses a version.
    pub fn of(version: &str) -> Self {
        let mut parts = Vec::new();
        // As in RubyGems, a dash begins a prerelease.
        let version = version.replace('-', ".pre.");
        for part in version.split(|character: char| !character.is_ascii_alphanumeric()) {
            let mut rest = part;
            while let Some(first) = rest.bytes().next() {
                let digits = first.is_ascii_digit();
                let end = rest
                    .bytes()
                    .position(|byte| byte.is_ascii_digit() != digits)
                    .unwrap_or(rest.len());
                let (this, more) = rest.split_at(end);
                parts.push(if digits {
                    Segment::Digits(this.trim_start_matches('0').to_owned())
                } else {
                    Segment::Letters(this.to_owned())
                });
                rest = more;
            }
        }
        // Trailing zeros do not change the value.
        while matches!(parts.last(), Some(Segment::Digits(digits)) if digits.is_empty()) {
            parts.pop();
        }
        Self(parts)
    }
}

impl Ord for GemVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let zero = Segment::Digits(String::new());
        let length = self.0.len().max(other.0.len());
        (0..length)
            .map(|index| {
                let part = |number: &'_ Self| number.0.get(index).unwrap_or(&zero).clone();
                compare(&part(self), &part(other))
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for GemVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn compare(left: &Segment, right: &Segment) -> Ordering {
    match (left, right) {
        (Segment::Letters(left), Segment::Letters(right)) => left.cmp(right),
        (Segment::Letters(_), Segment::Digits(_)) => Ordering::Less,
        (Segment::Digits(_), Segment::Letters(_)) => Ordering::Greater,
        (Segment::Digits(left), Segment::Digits(right)) => {
            left.len().cmp(&right.len()).then_with(|| left.cmp(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_rubygems_does_it() {
        let ascending = [
            "0.9",
            "1.0.0.beta2",
            "1.0.0-alpha",
            "1.0.0.rc1",
            "1.0.0",
            "1.0.1",
            "1.2",
            "1.10",
            "1.18.2.2",
            "202012.21.0",
            "99999999999999999999999999",
        ];
        for (index, lower) in ascending.iter().enumerate() {
            for higher in &ascending[index + 1..] {
                assert!(
                    GemVersion::of(lower) < GemVersion::of(higher),
                    "{lower} {higher}"
                );
            }
        }
        let equal = GemVersion::of("1.0.0").cmp(&GemVersion::of("1"));
        assert_eq!(equal, Ordering::Equal);
    }

    #[test]
    fn what_rubygems_cannot_read_is_known() {
        for version in [
            "1",
            "1.2.3",
            "1.18.2.2",
            "1.0.0.rc1",
            "1.0.0-rc.1",
            "202012.21.0",
        ] {
            assert!(is_gem_version(version), "{version}");
        }
        for version in [
            "",
            "v1.2",
            "1..2",
            "1.0+build",
            "latest",
            "1.0 final",
            "1.0-",
        ] {
            assert!(!is_gem_version(version), "{version}");
        }
    }
}
