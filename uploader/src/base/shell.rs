//! Quotes words for a shell.

use std::borrow::Cow;
use std::ffi::OsStr;

/// Quotes a path, or any other word, so that a shell reads it as one word.
pub fn for_shell(word: &(impl AsRef<OsStr> + ?Sized)) -> Cow<'_, str> {
    let word = word.as_ref();
    let is_plain =
        |c: char| c.is_alphanumeric() || "/._-+:@%,=".contains(c) || cfg!(windows) && c == '\\';
    match word.to_str() {
        Some(text) if text.chars().all(is_plain) && !text.is_empty() => text.into(),
        Some(text) if !text.contains(char::is_control) => {
            format!("'{}'", text.replace('\'', r"'\''")).into()
        }
        _ => {
            let bytes = word.as_encoded_bytes();
            let spelled = bytes.utf8_chunks().map(|chunk| {
                let text = chunk.valid().chars().map(|c| match c {
                    '\'' | '\\' => format!("\\{c}"),
                    c if c.is_control() => c.to_string().bytes().map(escaped).collect(),
                    c => c.to_string(),
                });
                let raw = chunk.invalid().iter().copied().map(escaped);
                text.chain(raw).collect::<String>()
            });
            format!("$'{}'", spelled.collect::<String>()).into()
        }
    }
}

/// Escapes a byte in octal. A shell reads at most three digits.
fn escaped(byte: u8) -> String {
    format!("\\{byte:03o}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_shell_takes_what_is_spelled_for_it() {
        use std::os::unix::ffi::OsStrExt as _;
        for (path, spelled) in [
            (&b"out/push-1.json"[..], "out/push-1.json"),
            (b"my push.json", "'my push.json'"),
            (b"it's", r"'it'\''s'"),
            (b"", "''"),
            (b"~", "'~'"),
            (b"a\xff'\n1", r"$'a\377\'\0121'"),
        ] {
            assert_eq!(for_shell(OsStr::from_bytes(path)), spelled);
        }
    }
}
