//! Reads JSON files as Packer does, by the rules of Go's `encoding/json`, and words the errors for other
//! files.
//!
//! Evidence: Go 1.19 and Packer 1.6.6, whose own results are in the tests.

use std::borrow::Cow;
use std::io::{self, Error, ErrorKind};
use std::path::Path;

use serde_json::{Map, Value};

use super::duplicates;
use crate::files::read::{of_another_encoding, read_settings};

const NO_JSON: &str = "is HCL2; only JSON can be read";

/// Reads a file that holds one JSON object; of equal fields the last counts. The call blocks.
///
/// # Errors
/// Fails when the file cannot be read or holds anything else; the kind is [`ErrorKind::Unsupported`] for
/// HCL2.
pub(super) fn read(path: &Path) -> io::Result<Map<String, Value>> {
    read_checked(path, |_| Ok(()))
}

/// Reads a template, which is one JSON object without equal fields. The call blocks.
///
/// # Errors
/// Fails as [`read`] does, and for a duplicate field.
pub(super) fn read_template(path: &Path) -> io::Result<Map<String, Value>> {
    read_checked(path, duplicates::check)
}

fn read_checked(
    path: &Path,
    check: impl Fn(&str) -> serde_json::Result<()>,
) -> io::Result<Map<String, Value>> {
    if path.is_dir() {
        let reason = "is a folder, as templates in HCL2 may be; only a JSON file can be read";
        return Err(hcl2(reason));
    }
    object(&read_settings(path)?, check).map_err(|error| match error.kind() {
        ErrorKind::InvalidData if has_hcl2_name(path) => hcl2(NO_JSON),
        _ => error,
    })
}

/// Returns the error for a file that holds HCL2.
pub(super) fn hcl2(reason: &str) -> Error {
    Error::new(ErrorKind::Unsupported, reason)
}

fn has_hcl2_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "hcl")
}

fn object(
    bytes: &[u8],
    check: impl Fn(&str) -> serde_json::Result<()>,
) -> io::Result<Map<String, Value>> {
    let invalid = |reason: String| Error::new(ErrorKind::InvalidData, reason);
    if let Some(reason) = of_another_encoding(bytes) {
        return Err(invalid(reason.to_owned()));
    }
    let text = text(bytes);
    let text = without_lone_surrogates(&text);
    let value = serde_json::from_str(&text).map_err(|error| match looks_like_hcl2(&text) {
        true => hcl2(NO_JSON),
        false => error.into(),
    })?;
    check(&text)?;
    let kind = match value {
        Value::Object(object) => return Ok(object),
        Value::Array(_) => "a list",
        Value::Null => "null",
        Value::String(_) => "a text",
        Value::Bool(_) | Value::Number(_) => "a single value",
    };
    Err(invalid(format!(
        "holds {kind}, and must hold an object: {{…}}"
    )))
}

/// Returns whether the text begins with a block or an attribute of HCL2.
fn looks_like_hcl2(text: &str) -> bool {
    let mut rest = text.trim_start();
    while let Some(after) = after_comment(rest) {
        rest = after.trim_start();
    }
    let after = rest.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'));
    after.len() < rest.len() && after.trim_start().starts_with(['"', '{', '='])
}

fn after_comment(text: &str) -> Option<&str> {
    let end = match text {
        _ if text.starts_with("/*") => "*/",
        _ if text.starts_with('#') || text.starts_with("//") => "\n",
        _ => return None,
    };
    Some(text.split_once(end).map_or("", |(_, after)| after))
}

/// Decodes the bytes as UTF-8, and replaces each invalid byte by U+FFFD.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text += chunk.valid();
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

/// Replaces the escape of each unpaired surrogate by `\ufffd`.
fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    let mut mended = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        at += match (surrogate(text, at), surrogate(text, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(_), _) => {
                mended += &text[copied..at];
                mended += "\\ufffd";
                copied = at + 6;
                6
            }
            // Skips a backslash and the first byte that it escapes.
            (None, _) => 2,
        };
        while at < text.len() && !text.is_char_boundary(at) {
            at += 1;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    mended += &text[copied..];
    Cow::Owned(mended)
}

/// Returns the surrogate that is escaped at byte `at`, if any.
fn surrogate(text: &str, at: usize) -> Option<u32> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    let digits = digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then_some(digits)?;
    let code = u32::from_str_radix(digits, 16).ok()?;
    (0xD800..=0xDFFF).contains(&code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn object(bytes: &[u8]) -> io::Result<Map<String, Value>> {
        super::object(bytes, duplicates::check)
    }

    #[test]
    fn a_text_that_is_no_utf_8_is_read_as_go_reads_it() {
        for (json, expected) in [
            (&b"\"a\xe9b\""[..], "a\u{fffd}b"),
            (b"\"\xe2\x82x\"", "\u{fffd}\u{fffd}x"),
            (b"\"\xed\xa0\x80\"", "\u{fffd}\u{fffd}\u{fffd}"),
            (b"\"\xf0\x9f\x98\"", "\u{fffd}\u{fffd}\u{fffd}"),
            (br#""\ud800""#, "\u{fffd}"),
            (br#""\ud800\ud800""#, "\u{fffd}\u{fffd}"),
            (br#""\ud800A\u0041""#, "\u{fffd}AA"),
            (br#""\udc00""#, "\u{fffd}"),
            (br#""\ud83d\ude00""#, "\u{1f600}"),
            (br#""\uD83D\uDE00\uD83D""#, "\u{1f600}\u{fffd}"),
            (br#""\\ud800""#, r"\ud800"),
            (br#""\\\ud800""#, "\\\u{fffd}"),
        ] {
            let json = [b"{\"k\":", json, b"}"].concat();
            let read = object(&json).map(|object| object["k"].clone());
            assert_eq!(read.unwrap(), expected, "{}", json.escape_ascii());
        }
        assert!(object(br#"{"k": "\ud800\ude"}"#).is_err());
    }

    #[test]
    fn what_is_no_json_is_told_in_words() {
        for (bytes, words) in [
            (&b"\xef\xbb\xbf{}"[..], "byte order mark"),
            (b"\xff\xfe{\0}\0", "UTF-16"),
            (b"[]", "holds a list"),
            (b"null", "holds null"),
            (b"7", "holds a single value"),
            (b"# a comment\nsource \"null\" \"x\" {}", "is HCL2"),
            (b"\nbuild {}", "is HCL2"),
            (b"variable \"a\" {}", "is HCL2"),
            (b"name = \"x\"", "is HCL2"),
            (b"// a\n/* b */ name = \"x\"", "is HCL2"),
            (b"// a comment\n{}", "expected value"),
            (b"buildings", "expected value"),
            (b"", "EOF"),
            (b"{\"a\": 1,}", "trailing comma"),
            (
                b"{\"a\": 1, \"b\": [{\"k\": 1.5, \"c\": null, \"k\": -2}]}",
                "template has duplicate field: k at line 1 column",
            ),
            (
                b"{\"a\": true, \"\\u0061\": 1}",
                "template has duplicate field: a",
            ),
        ] {
            let error = object(bytes).unwrap_err().to_string();
            assert!(error.contains(words), "{}: {error}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn text_without_surrogates_stays_and_nothing_panics(text in r#"(\\|\\u|d8|d83d|\\ude00|"|[a-z0-9é]|\PC){0,40}"#) {
            let mended = without_lone_surrogates(&text);
            if !text.contains('\\') {
                prop_assert_eq!(&mended, &text);
            }
            prop_assert_eq!(mended.len(), text.len());
        }
    }
}
