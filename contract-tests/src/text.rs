//! Makes text from outside safe to print: on one line, without control characters, and not too long.

/// Returns the text on one line, with control characters escaped, so that it cannot steer a terminal.
pub(crate) fn plain(text: &str) -> String {
    let escaped = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escaped).collect()
}

/// Returns the first `longest` characters, with an ellipsis if the text has more.
pub(crate) fn shorten(text: String, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_long_is_cut_and_never_within_a_character() {
        assert_eq!(shorten("äöü".to_owned(), 3), "äöü");
        assert_eq!(shorten("äöü".to_owned(), 2), "äö…");
    }

    #[test]
    fn what_steers_a_terminal_is_spelled_out() {
        assert_eq!(plain("a\u{1b}[2J\n\u{9b}ä"), "a\\u{1b}[2J\\n\\u{9b}ä");
    }
}
