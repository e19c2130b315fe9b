//! Finds the end of a MessagePack value in a growing buffer. Go writes values one after the other
//! without lengths, so a reader must parse them to find where each ends.

/// The largest accepted message in bytes, as a guard against a faulty peer; no message of Packer is as
/// large.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The marker of a value with its length, which determines how much follows.
struct Head {
    /// The bytes of the marker and of the length field.
    length: u64,
    /// The number of payload bytes that follow.
    body: u64,
    /// The number of nested values that follow.
    values: u64,
}

/// A scanner that finds the end of the first value in a growing buffer, and reads each marker once.
#[derive(Debug)]
pub(super) struct Scan {
    at: u64,
    missing: u64,
}

/// A message that is not MessagePack, or that is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("not MessagePack")]
    Marker,
    #[error("a message of more than 64 MiB")]
    TooLarge,
}

impl From<Malformed> for std::io::Error {
    fn from(error: Malformed) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, error)
    }
}

impl Scan {
    pub(super) fn new() -> Self {
        Self { at: 0, missing: 1 }
    }

    /// Returns the length of the first value once `bytes` hold it whole. Each call must pass the bytes
    /// of the previous call, possibly with more behind them.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        while self.missing > 0 {
            let rest = usize::try_from(self.at).ok().and_then(|at| bytes.get(at..));
            let Some(head) = head(rest.unwrap_or_default())? else {
                return Ok(None);
            };
            self.at += head.length + head.body;
            self.missing += head.values;
            self.missing -= 1;
            // Each missing value takes at least one byte.
            if self.at + self.missing > LARGEST {
                return Err(Malformed::TooLarge);
            }
        }
        let end = usize::try_from(self.at).map_err(|_| Malformed::TooLarge)?;
        Ok((bytes.len() >= end).then_some(end))
    }
}

/// Reads the head of a value; returns `None` when more bytes are needed.
fn head(bytes: &[u8]) -> Result<Option<Head>, Malformed> {
    let Some(marker) = bytes.first().copied() else {
        return Ok(None);
    };
    let fixed = |body| {
        Ok(Some(Head {
            length: 1,
            body,
            values: 0,
        }))
    };
    let values = |values| {
        Ok(Some(Head {
            length: 1,
            body: 0,
            values,
        }))
    };
    let low = u64::from(marker);
    match marker {
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => fixed(0),
        0x80..=0x8f => values(2 * (low & 0x0f)),
        0x90..=0x9f => values(low & 0x0f),
        0xa0..=0xbf => fixed(low & 0x1f),
        0xcc | 0xd0 => fixed(1),
        0xcd | 0xd1 => fixed(2),
        0xca | 0xce | 0xd2 => fixed(4),
        0xcb | 0xcf | 0xd3 => fixed(8),
        // An extension of fixed size: its type, and 1, 2, 4, 8 or 16 bytes.
        0xd4..=0xd8 => fixed(1 + (1 << (low - 0xd4))),
        0xc4 | 0xd9 => Ok(sized(bytes, 1, |length| (length, 0))),
        0xc5 | 0xda => Ok(sized(bytes, 2, |length| (length, 0))),
        0xc6 | 0xdb => Ok(sized(bytes, 4, |length| (length, 0))),
        0xc7..=0xc9 => Ok(sized(bytes, 1 << (low - 0xc7), |length| (1 + length, 0))),
        0xdc | 0xdd => Ok(sized(bytes, 2 << (low - 0xdc), |length| (0, length))),
        0xde | 0xdf => Ok(sized(bytes, 2 << (low - 0xde), |length| (0, 2 * length))),
        0xc1 => Err(Malformed::Marker),
    }
}

/// Reads a head with a length field of `digits` bytes behind the marker.
fn sized(bytes: &[u8], digits: usize, follows: impl Fn(u64) -> (u64, u64)) -> Option<Head> {
    let digits = bytes.get(1..=digits)?;
    let number = digits
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    let (body, values) = follows(number);
    Some(Head {
        length: 1 + digits.len() as u64,
        body,
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rmpv::Value;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Nil),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f32>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,300}".prop_map(Value::from),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::from),
            (any::<i8>(), prop::collection::vec(any::<u8>(), 0..40))
                .prop_map(|(kind, bytes)| Value::Ext(kind, bytes)),
        ];
        leaf.prop_recursive(4, 64, 20, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
                prop::collection::vec((inner.clone(), inner), 0..20).prop_map(Value::from),
            ]
        })
    }

    fn encoded(value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, value).unwrap();
        bytes
    }

    #[test]
    fn large_texts_lists_and_maps_end_where_they_end() {
        for value in [
            Value::from("x".repeat(70_000)),
            Value::from(vec![7; 70_000]),
            Value::from(vec![Value::Nil; 70_000]),
            Value::from(vec![(Value::from(1), Value::from("v")); 70_000]),
            Value::Ext(1, vec![0; 70_000]),
        ] {
            let bytes = encoded(&value);
            assert_eq!(Scan::new().end(&bytes), Ok(Some(bytes.len())));
        }
    }

    #[test]
    fn what_claims_to_be_huge_is_refused_before_it_comes() {
        for bytes in [
            &[0xdb, 0xff, 0xff, 0xff, 0xff][..],
            &[0xdf, 0xff, 0xff, 0xff, 0xff],
            &[0xc9, 0x80, 0, 0, 0],
        ] {
            assert_eq!(Scan::new().end(bytes), Err(Malformed::TooLarge));
        }
        assert_eq!(Scan::new().end(&[0xc1]), Err(Malformed::Marker));
    }

    proptest! {
        #[test]
        fn the_end_is_found_however_the_bytes_come(value in value(), cuts in prop::collection::vec(0usize..400, 0..8)) {
            let mut bytes = encoded(&value);
            let length = bytes.len();
            bytes.extend([0xc1; 3]);
            let mut scan = Scan::new();
            let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < length).collect();
            cuts.sort_unstable();
            for cut in cuts {
                prop_assert_eq!(scan.end(&bytes[..cut]), Ok(None));
            }
            prop_assert_eq!(scan.end(&bytes), Ok(Some(length)));
        }

        #[test]
        fn no_bytes_make_it_panic_and_what_it_finds_rmpv_reads(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(Some(end)) = Scan::new().end(&bytes) {
                let mut whole = &bytes[..end];
                // Strings that are not UTF-8 are values too.
                prop_assert!(rmpv::decode::read_value(&mut whole).is_ok());
                prop_assert!(whole.is_empty());
            }
        }
    }
}
