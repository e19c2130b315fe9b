//! Redacts secrets at the one place that all output passes.
//!
//! Evidence: the original's debug log showed the token in a line that claimed to mask it, and the upload
//! URLs, whose path alone authorises. A program writes all output through a [`RedactingWriter`]; the client
//! registers each secret with the [`Redactor`] as soon as it knows it.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

use atlas_common::redaction::{KnownSecrets, Piece};
use url::{Position, Url};

/// The text that replaces a secret.
pub const REDACTED: &str = "[REDACTED]";

/// The shortest path that can be a secret. A shorter one, such as `/file`, is a word that other URLs share.
const SHORTEST_SECRET_PATH: usize = 12;

/// The bounds of words that a person may have chosen. A random word is longer, has more digits (a date has
/// eight), or more turns; a long word is also random with as many turns, or in capitals only.
const LONGEST_WORD: usize = 24;
const LONGEST_NUMBER: usize = 8;
const MOST_TURNS: usize = 2;

/// The words of the API's own paths, which occur in every message. A path with one of them is not hidden as a
/// whole.
const API_WORDS: [&str; 6] = ["api", "v1", "artifacts", "authenticate", "search", "file"];

/// An access token. Its `Debug` output does not show it, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Creates a token from a text, without the white space around it.
    ///
    /// # Errors
    /// Fails for a token that is empty, or cannot be the value of a header. The error does not repeat it.
    pub fn new(text: &str) -> Result<Self, InvalidToken> {
        let text = text.trim();
        if text.is_empty()
            || !text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
        {
            return Err(InvalidToken);
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the token, to be sent and never shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({REDACTED})")
    }
}

/// The error for a token that cannot be the value of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token must be one line of ASCII characters")]
pub struct InvalidToken;

/// The secrets known so far, recognised in every spelling in which they could be printed. It is a cheap
/// handle: clones share the secrets.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<KnownSecrets<()>>>);

impl Redactor {
    /// Creates a redactor without secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hides `secret` from now on, also percent-encoded and as JSON or `Debug` would escape it. A secret of
    /// less than four characters is not hidden.
    pub fn add(&self, secret: &str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.add(secret, ());
    }

    /// Hides a URL that authorises by itself: the whole URL, its path with and without the query, and each
    /// segment and each query value that looks random. A part that occurs in `shown`, a text without secrets,
    /// is not hidden: a server must not be able to blank out messages.
    pub fn add_url(&self, url: &Url, shown: &str) {
        let segments: Vec<_> = url.path().split('/').collect();
        let values = url.query_pairs().map(|(_, value)| value.into_owned());
        let values: Vec<_> = values.filter(|value| is_unguessable(value)).collect();
        let is_telling = url.path() != "/" && !segments.iter().any(|word| API_WORDS.contains(word))
            || segments.iter().any(|word| is_unguessable(word));
        let target = &url[Position::BeforePath..Position::AfterQuery];
        let is_signed = url.query().is_some();
        let whole = [url.as_str(), target].map(|part| (part, is_telling || is_signed));
        let words = segments.iter().map(|word| (*word, is_unguessable(word)));
        let values = values.iter().map(|value| (value.as_str(), true));
        let parts = whole.into_iter().chain([(url.path(), is_telling)]);
        for (part, is_secret) in parts.chain(words).chain(values) {
            if is_secret && part.len() >= SHORTEST_SECRET_PATH && !shown.contains(part) {
                self.add(part);
            }
        }
    }

    /// Returns `text` with each secret replaced by [`REDACTED`].
    pub fn redact(&self, text: &str) -> String {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let pieces = known.pieces(text).into_iter();
        let shown = pieces.map(|piece| match piece {
            Piece::Open(text) => text,
            Piece::Secret(()) => REDACTED,
        });
        shown.collect()
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// A writer that holds back each line until it is complete, so that no secret is split between two writes,
/// and then writes the line without secrets. Dropping it writes an unfinished line, too.
#[derive(Debug)]
pub struct RedactingWriter<W: Write> {
    inner: W,
    redactor: Redactor,
    line: Vec<u8>,
}

impl<W: Write> RedactingWriter<W> {
    /// Creates a writer that redacts with `redactor` and writes to `inner`.
    pub fn new(inner: W, redactor: Redactor) -> Self {
        Self {
            inner,
            redactor,
            line: Vec::new(),
        }
    }

    fn pass_on(&mut self, whole: usize) -> io::Result<()> {
        let lines: Vec<u8> = self.line.drain(..whole).collect();
        // A file name may contain bytes that are not UTF-8; no secret contains such bytes.
        for chunk in lines.utf8_chunks() {
            let text = self.redactor.redact(chunk.valid());
            self.inner.write_all(text.as_bytes())?;
            self.inner.write_all(chunk.invalid())?;
        }
        Ok(())
    }
}

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.pass_on(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Drop for RedactingWriter<W> {
    fn drop(&mut self) {
        // `drop` cannot return an error.
        let _ = self.pass_on(self.line.len());
        let _ = self.inner.flush();
    }
}

/// Returns whether a part of a URL looks random, unlike one made of words and numbers such as
/// `ubuntu-22.04-amd64.box`: it has capitals within a word, alternates between letters and digits, or has a
/// long number.
fn is_unguessable(part: &str) -> bool {
    let mut runs = part.split(|c: char| !c.is_ascii_alphanumeric());
    runs.any(|run| {
        let run = run.as_bytes();
        let digits = run.iter().filter(|byte| byte.is_ascii_digit()).count();
        let turns = run.windows(2).filter(|pair| is_turn(pair[0], pair[1]));
        let turns = turns.count();
        let is_long = run.len() >= SHORTEST_SECRET_PATH;
        let is_loud = !run.iter().any(u8::is_ascii_lowercase);
        run.len() > LONGEST_WORD
            || digits > LONGEST_NUMBER
            || turns > MOST_TURNS
            || is_long && (turns == MOST_TURNS || is_loud)
    })
}

/// Returns whether the second of two adjacent characters begins a new kind: a change between letter and
/// digit, or from a small letter to a capital, but not from a capital to a small letter.
fn is_turn(first: u8, second: u8) -> bool {
    first.is_ascii_digit() != second.is_ascii_digit()
        || first.is_ascii_lowercase() && second.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CANARY: &str = "Can/ary+\"T0ken\" é";

    fn redactor() -> Redactor {
        let redactor = Redactor::new();
        redactor.add(CANARY);
        redactor
    }

    fn written(redactor: &Redactor, pieces: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut writer = RedactingWriter::new(&mut out, redactor.clone());
        for piece in pieces {
            writer.write_all(piece).unwrap();
        }
        drop(writer);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let token = Token::new(" abcd1234\n").unwrap();
        assert_eq!(token.expose(), "abcd1234");
        assert_eq!(format!("{token:?}"), "Token([REDACTED])");
        assert_eq!(Token::new("a\nb"), Err(InvalidToken));
        assert_eq!(Token::new("  "), Err(InvalidToken));
    }

    #[test]
    fn every_spelling_of_a_secret_is_hidden() {
        for spelling in [
            CANARY.to_owned(),
            format!("{CANARY:?}"),
            serde_json::json!({"errors": [CANARY]}).to_string(),
            "Can%2Fary%2B%22T0ken%22%20%C3%A9".to_owned(),
            "Can%2fary%2b%22T0ken%22%20%c3%a9".to_owned(),
            "Can\\/ary%2B\\u0022T0ken\\x22 é".to_owned(),
            "Can%2Fary%2B%22T0ken%22+%C3%A9".to_owned(),
        ] {
            let left = redactor().redact(&format!("before {spelling} after"));
            assert!(left.contains(REDACTED) && !left.contains("T0ken"), "{left}");
            assert!(left.starts_with("before ") && left.ends_with(" after"));
        }
    }

    #[test]
    fn a_url_is_hidden_as_a_whole_and_in_its_telling_parts() {
        let redactor = Redactor::new();
        redactor.add_url(
            &"http://x.test/_store/0123456789abcdef?sig=1"
                .parse()
                .unwrap(),
            "",
        );
        let shown = redactor.redact(
            "http://x.test/_store/0123456789abcdef?sig=1 GET /_store/0123456789abcdef 0123456789abcdef http://x.test/",
        );
        assert_eq!(shown, "[REDACTED] GET [REDACTED] [REDACTED] http://x.test/");
    }

    #[test]
    fn random_parts_of_a_url_are_hidden_and_words_are_not() {
        let asked = "http://a.test/api/v1/artifacts/acme/x86img20241130b";
        for (url, text, left) in [
            (
                "http://x.test/sso/authenticate?next=/api/v1/authenticate",
                "/api/v1/authenticate next",
                "/api/v1/authenticate next",
            ),
            ("http://x.test/authenticate", asked, asked),
            ("http://x.test/api/v1/artifacts", asked, asked),
            ("http://x.test/acme/x86img20241130b/file", asked, asked),
            (
                "http://x.test/store/acme/ubuntu-22.04-amd64.box?X-Signature=8f14e45fceea167a",
                "ubuntu-22.04-amd64.box 8f14e45fceea167a",
                "ubuntu-22.04-amd64.box [REDACTED]",
            ),
            (
                "http://x.test/8f14e45f-ceea-467a-9c1d-d2f1e2b3a4c5/file",
                "8f14e45f-ceea-467a-9c1d-d2f1e2b3a4c5 /file",
                "[REDACTED] /file",
            ),
            (
                "http://x.test/api/v1/MFRGGZDFMZTWQ2LK/eu-PREFIXSECRET",
                "v1: MFRGGZDFMZTWQ2LK eu-PREFIXSECRET",
                "v1: [REDACTED] [REDACTED]",
            ),
            (
                "http://x.test/uploads/correct-horse?signature=short",
                "at /uploads/correct-horse: refused",
                "at [REDACTED]: refused",
            ),
        ] {
            let redactor = Redactor::new();
            redactor.add_url(&url.parse().unwrap(), asked);
            assert_eq!(redactor.redact(text), left, "{url}");
        }
    }

    #[test]
    fn the_longer_of_two_secrets_goes_first() {
        let redactor = Redactor::new();
        redactor.add("abcd");
        redactor.add("abcdefgh");
        assert_eq!(redactor.redact("abcdefgh abcd"), "[REDACTED] [REDACTED]");
    }

    #[test]
    fn a_secret_written_in_two_pieces_is_hidden_and_an_unfinished_line_arrives() {
        let shown = written(
            &redactor(),
            &[b"x Can/ary+\"T0k", "en\" é y\nrest".as_bytes()],
        );
        assert_eq!(shown, "x [REDACTED] y\nrest");
    }

    #[test]
    fn what_is_no_text_is_written_as_it_is_and_hides_no_secret() {
        let mut out = Vec::new();
        let line = [b"d\xe9 ", CANARY.as_bytes(), b"\xff\n"].concat();
        RedactingWriter::new(&mut out, redactor())
            .write_all(&line)
            .unwrap();
        assert_eq!(out, b"d\xe9 [REDACTED]\xff\n");
    }

    #[test]
    fn a_secret_learnt_late_is_hidden_from_then_on() {
        let redactor = Redactor::new();
        assert_eq!(redactor.redact("secret"), "secret");
        redactor.clone().add("secret");
        assert_eq!(redactor.redact("secret"), REDACTED);
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_is_left_alone() {
        let redactor = Redactor::new();
        redactor.add("");
        redactor.add("T");
        assert_eq!(redactor.redact("Type T"), "Type T");
    }

    proptest! {
        #[test]
        fn no_way_of_cutting_a_text_lets_the_secret_through(cuts in prop::collection::vec(0usize..60, 0..6)) {
            let text = format!("first line\nand {CANARY} in the second\nlast");
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(written(&redactor(), &pieces), "first line\nand [REDACTED] in the second\nlast");
        }
    }
}
