//! Several texts in one piece of memory.

/// Texts one behind the other, some of which may be missing. Cleared, they keep their memory, unless it
/// is much: what is written in place of others asks for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Texts {
    all: String,
    /// Where each ends; for a missing one none.
    ends: Vec<Option<usize>>,
}

/// More memory is not kept for others, in bytes.
const LARGE: usize = 4096;

impl Texts {
    pub(super) fn clear(&mut self) {
        if self.all.capacity() > LARGE {
            *self = Self::default();
        }
        self.all.clear();
        self.ends.clear();
    }

    /// Appends a text, or that there is none.
    pub(super) fn push(&mut self, text: Option<&str>) {
        self.all.push_str(text.unwrap_or_default());
        self.ends.push(text.map(|_| self.all.len()));
    }

    /// Appends two texts as one.
    pub(super) fn push_joined(&mut self, first: &str, second: &str) {
        self.all.push_str(first);
        self.push(Some(second));
    }

    /// How many there are, the missing ones too.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All of them, in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let text = self.all.get(start..(*end)?);
            start = end.unwrap_or(start);
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_pushed_comes_back(
            before: Vec<Option<String>>,
            texts in proptest::collection::vec(any::<Option<String>>(), 0..9),
        ) {
            let mut kept = Texts::default();
            before.iter().for_each(|text| kept.push(text.as_deref()));
            kept.clear();
            texts.iter().for_each(|text| kept.push(text.as_deref()));
            prop_assert_eq!(kept.len(), texts.len());
            let back: Vec<_> = kept.iter().map(|text| text.map(str::to_owned)).collect();
            prop_assert_eq!(back, texts);
        }
    }

    #[test]
    fn what_was_large_gives_its_memory_back() {
        let mut texts = Texts::default();
        texts.push(Some(&"x".repeat(LARGE + 1)));
        texts.clear();
        assert!(texts.all.capacity() <= LARGE);
    }

    #[test]
    fn two_texts_may_be_one() {
        let mut texts = Texts::default();
        texts.push_joined("a.", "b");
        texts.push(Some(""));
        assert!(texts.iter().eq([Some("a.b"), Some("")]));
    }
}
