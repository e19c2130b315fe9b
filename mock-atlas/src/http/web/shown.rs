//! Texts as pages show them: those of strangers, sizes, and times.

use std::fmt;

use askama::filters::HtmlSafe;

/// A text of a stranger. It is shown as text whatever is in it: markup is escaped, and marks that no one sees, among
/// them those that turn the direction of a text, are shown by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown(String);

impl Shown {
    /// Takes a text whole.
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Takes the beginning of a text.
    pub(super) fn beginning(text: &str) -> Self {
        const MOST: usize = 200;
        match text.char_indices().nth(MOST) {
            Some((end, _)) => Self(format!("{}…", &text[..end])),
            None => Self::new(text),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether the text is so long that a page shows a part of it, which whoever uses no mouse must be able to
    /// scroll.
    pub(super) fn is_long(&self) -> bool {
        self.0.len() > 1000 || self.0.lines().count() > 12
    }
}

impl HtmlSafe for Shown {}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if is_unseen(c) => {
                    write!(f, "<span class=\"mark\">U+{:04X}</span>", u32::from(c))?;
                }
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Returns whether a character shows nothing of itself: a control character, a mark of direction, or one without
/// width.
fn is_unseen(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns a size in bytes as people read it, such as `1.5 MB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let mut rest = bytes as f64 / 1000.0;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while rest >= 999.95
        && let Some(larger) = units.next()
    {
        rest /= 1000.0;
        unit = Some(larger);
    }
    format!("{rest:.1} {}", unit.unwrap_or(&""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_unseen_marks_are_shown_as_text() {
        let hostile = "<script>'\"&\u{202e}x\u{200b}\u{7}\n\u{e0041}é";
        let shown = Shown::new(hostile).to_string();
        assert_eq!(
            shown,
            "&lt;script&gt;&#39;&quot;&amp;<span class=\"mark\">U+202E</span>x\
             <span class=\"mark\">U+200B</span><span class=\"mark\">U+0007</span>\n\
             <span class=\"mark\">U+E0041</span>é"
        );
        assert!(
            Shown::beginning(&"é".repeat(201))
                .to_string()
                .ends_with('…')
        );
        assert_eq!(Shown::beginning("é").to_string(), "é");
        assert!(Shown::new(&"x\n".repeat(13)).is_long() && Shown::new(&"x".repeat(1001)).is_long());
        assert!(!Shown::new(&"x\n".repeat(12)).is_long());
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1500, "1.5 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (5_000_000_000, "5.0 GB"),
            (u64::MAX, "18446.7 PB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
