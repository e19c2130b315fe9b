//! Numbers versions. The storage's `Versions::add` asks for each number.

/// The highest number that a sequence gives: 2^53, up to which all JSON readers keep numbers exactly.
pub(crate) const HIGHEST: u64 = 1 << 53;

/// A `Sequence` numbers versions from 1 on. It never gives a number twice, even after the version
/// is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sequence {
    last: u64,
}

impl Sequence {
    /// Creates a sequence whose last number was `last`; `None` if that is beyond [`HIGHEST`].
    pub(crate) fn after(last: u64) -> Option<Self> {
        (last <= HIGHEST).then_some(Self { last })
    }

    /// Returns the last number that was given; 0 if there is none.
    pub(crate) fn last(self) -> u64 {
        self.last
    }

    /// Returns whether the sequence can give `more` numbers.
    pub(crate) fn has_room(self, more: usize) -> bool {
        u64::try_from(more).is_ok_and(|more| more <= HIGHEST - self.last)
    }

    /// Returns the next number; `None` after [`HIGHEST`].
    pub(crate) fn next(&mut self) -> Option<u64> {
        if !self.has_room(1) {
            return None;
        }
        self.last += 1;
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_up_to_the_highest_and_no_further() {
        let mut sequence = Sequence::default();
        assert_eq!((sequence.next(), sequence.next()), (Some(1), Some(2)));
        let mut late = Sequence::after(HIGHEST - 1).unwrap();
        assert!(late.has_room(1) && !late.has_room(2));
        assert_eq!((late.next(), late.next()), (Some(HIGHEST), None));
        assert_eq!((late.last(), Sequence::after(HIGHEST + 1)), (HIGHEST, None));
    }
}
