//! Sizes on the command line.

/// The units and their sizes in bytes.
const UNITS: [(&str, u64); 9] = [
    ("", 1),
    ("KB", 1000),
    ("MB", 1000 * 1000),
    ("GB", 1000 * 1000 * 1000),
    ("TB", 1000 * 1000 * 1000 * 1000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A number of bytes, such as `1048576` or `10GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(u64);

impl Size {
    /// Reads digits with or without a unit.
    ///
    /// # Errors
    /// When the text is no such number, or too large.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let (Some((_, factor)), true) = (known, digits > 0) else {
            return Err(
                "it must be a number of bytes, or one with KB, MB, GB, TB, KiB, MiB, GiB or TiB, like 10GiB"
                    .to_owned(),
            );
        };
        let number = number.parse::<u64>().ok();
        let bytes = number.and_then(|number| number.checked_mul(*factor));
        bytes
            .map(Self)
            .ok_or_else(|| "the number is too large".to_owned())
    }

    pub(super) fn bytes(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_digits_with_or_without_a_unit() {
        for (text, bytes) in [
            ("0", 0),
            ("1500", 1500),
            ("2KB", 2000),
            ("3MiB", 3 << 20),
            ("10GiB", 10 << 30),
            ("1TB", 1_000_000_000_000),
        ] {
            assert_eq!(Size::parse(text), Ok(Size(bytes)), "{text}");
        }
        for text in [
            "",
            "GiB",
            "-1",
            "1.5GiB",
            "1 GiB",
            "1gib",
            "99999999999TiB",
            "+1",
        ] {
            assert!(Size::parse(text).is_err(), "{text}");
        }
    }
}
