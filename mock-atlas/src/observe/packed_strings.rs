//! A compact list of optional strings.

/// A list of optional texts in one buffer, in which each text follows its length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackedStrings {
    bytes: Vec<u8>,
    count: usize,
}

/// The length that marks a missing text.
const MISSING: u32 = u32::MAX;

impl PackedStrings {
    /// Creates an empty list with room for `bytes` bytes, the lengths of the texts included.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            count: 0,
        }
    }

    /// Appends a text or a missing text. A text whose length does not fit counts as missing.
    pub(crate) fn push(&mut self, text: Option<&str>) {
        let length = text.and_then(|text| u32::try_from(text.len()).ok());
        let length = length.unwrap_or(MISSING);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.count += 1;
        if let Some(text) = text.filter(|_| length != MISSING) {
            self.bytes.extend_from_slice(text.as_bytes());
        }
    }

    /// Appends all texts of another list.
    pub(crate) fn append(&mut self, others: &Self) {
        self.bytes.extend_from_slice(&others.bytes);
        self.count += others.count;
    }

    /// Returns the number of texts, the missing ones included.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Returns the bytes of the list, for [`read`].
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Decodes the texts in their order.
pub(crate) fn read(mut bytes: &[u8]) -> impl Iterator<Item = Option<&str>> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = u32::from_le_bytes(*length);
        if length == MISSING {
            bytes = rest;
            return Some(None);
        }
        let (text, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        bytes = rest;
        Some(str::from_utf8(text).ok())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_pushed_comes_back(
            first in proptest::collection::vec(any::<Option<String>>(), 0..9),
            second in proptest::collection::vec(any::<Option<String>>(), 0..9),
        ) {
            let [mut kept, others] = [&first, &second].map(|texts| {
                let mut kept = PackedStrings::default();
                texts.iter().for_each(|text| kept.push(text.as_deref()));
                kept
            });
            kept.append(&others);
            prop_assert_eq!(kept.len(), first.len() + second.len());
            let back: Vec<_> = read(kept.as_bytes()).map(|text| text.map(str::to_owned)).collect();
            prop_assert_eq!(back, [first, second].concat());
        }

        #[test]
        fn any_bytes_are_texts_that_end(bytes: Vec<u8>) {
            prop_assert!(read(&bytes).count() <= bytes.len());
        }
    }
}
