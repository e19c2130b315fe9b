//! Shortens texts of clients for messages and the journal.

use std::borrow::Cow;

/// Returns the first `most` characters of a text, followed by `…` if the text is longer.
pub(crate) fn truncated(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => [&text[..end], "…"].concat().into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_long_is_cut_and_never_within_a_character() {
        assert_eq!(truncated("äöü", 3), "äöü");
        assert_eq!(truncated("äöü", 2), "äö…");
        assert_eq!(truncated("", 0), "");
    }
}
