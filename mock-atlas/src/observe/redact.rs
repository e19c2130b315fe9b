//! Redacts all texts of a request before they are recorded, so that they contain no token and no
//! upload path.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memchr_iter;
use uuid::Uuid;
use uuid::fmt::Simple;

use crate::domain::text::truncated;
use crate::endpoint::{Api, Secret};

/// The replacement of a secret.
const HIDDEN: &str = "{hidden}";

/// The length in characters beyond which a text is truncated.
const LONGEST: usize = 1000;

/// The minimum length in bytes of tokens that are hidden within longer texts. A shorter token, as in
/// tests, could be part of unrelated words, and is hidden only as a whole text.
const MIN_TOKEN_IN_TEXT: usize = 8;

/// The segments of paths that precede a secret.
static SECRET_FOLLOWS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let secret = Api::all().filter(|call| call.secret() == Some(Secret::Path));
    let paths = secret.flat_map(|call| call.paths());
    paths.filter_map(|path| path.rsplit('/').nth(1)).collect()
});

/// The prefix of metadata keys, which clients choose freely.
const METADATA: &str = "artifact_version.metadata.";

/// The longest name of a field, in bytes.
pub(crate) const LONGEST_FIELD: usize = 200;

/// A redactor for the secrets of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Redactor<'t> {
    /// The request's token, which a client may also have put in other places.
    token: Option<&'t str>,
}

impl<'t> Redactor<'t> {
    pub(crate) fn new(token: Option<&'t str>) -> Self {
        Self { token }
    }

    /// Redacts a text that is expected to hold no secret.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.is_plain(text) {
            return text.into();
        }
        let text: Cow<'a, str> = match self.token {
            Some(token) if token.len() >= MIN_TOKEN_IN_TEXT => text.replace(token, HIDDEN).into(),
            Some(token) if token == text => HIDDEN.into(),
            _ => text.into(),
        };
        match truncated(&text, LONGEST) {
            Cow::Owned(beginning) => beginning.into(),
            Cow::Borrowed(_) => text,
        }
    }

    /// Returns whether a text is short and does not hold the token, as nearly every text.
    fn is_plain(&self, text: &str) -> bool {
        text.len() <= LONGEST && !self.token.is_some_and(|token| holds(text, token))
    }

    /// Redacts a path. Hides the segments that follow the beginning of upload paths, and every
    /// UUID, since upload paths contain one, wherever a client may have put them.
    pub(crate) fn path<'a>(&self, path: &'a str) -> Cow<'a, str> {
        // Splitting bytes takes a third of the time of splitting characters.
        let mut segments = path.as_bytes().split(|byte| *byte == b'/');
        let may_authorise = |one: &[u8]| is_before_secret(one) || is_as_long_as_uuid(one);
        if self.is_plain(path) && !segments.any(may_authorise) {
            return path.into();
        }
        let mut is_secret = false;
        let segments = path.split('/').map(|segment| {
            let hidden = is_secret || is_uuid(segment);
            is_secret |= is_before_secret(segment.as_bytes());
            if hidden && !segment.is_empty() {
                HIDDEN.into()
            } else {
                self.text(segment)
            }
        });
        let shown = segments.collect::<Vec<_>>().join("/");
        self.text(&shown).into_owned().into()
    }

    /// Redacts a query string.
    pub(crate) fn query<'a>(&self, query: &'a str) -> Cow<'a, str> {
        if self.is_plain(query) && query.split('&').all(is_plain_pair) {
            return query.into();
        }
        self.rewritten(query).into()
    }

    /// Redacts a query string by parsing and rewriting it.
    fn rewritten(&self, query: &str) -> String {
        let mut shown = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (name, value) = (self.field(&name), self.text(&value));
            if is_secret(&name) || is_uuid(&value) {
                shown.append_pair(&name, "hidden");
            } else {
                shown.append_pair(&name, &value.replace(HIDDEN, "hidden"));
            }
        }
        self.text(&shown.finish()).into_owned()
    }

    /// Redacts the name of a field. A name with forbidden characters is hidden, since it may be a
    /// body that was sent in a wrong form. A metadata key may be anything as well, so it is hidden
    /// behind its prefix.
    pub(crate) fn field<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let Some(key) = name.strip_prefix(METADATA) else {
            return self.name(name);
        };
        match self.name(key) {
            Cow::Borrowed(shown) if shown == key => name.into(),
            shown => [METADATA, &shown].concat().into(),
        }
    }

    fn name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let allowed = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'[' | b']')
        };
        if name.len() > LONGEST_FIELD || !name.bytes().all(allowed) || has_uuid(name) {
            return HIDDEN.into();
        }
        if self.is_plain(name) {
            return name.into();
        }
        let parts: Vec<_> = name.split('.').map(|part| self.text(part)).collect();
        self.text(&parts.join(".")).into_owned().into()
    }
}

/// Returns whether `text` contains `token`. `str::contains` prepares its search, which takes longer
/// than searching a text of the length of a path.
fn holds(text: &str, token: &str) -> bool {
    let (text, token) = (text.as_bytes(), token.as_bytes());
    let Some(first) = token.first() else {
        return true;
    };
    memchr_iter(*first, text).any(|at| text[at..].starts_with(token))
}

/// Returns whether a part of a query string has no secret, and rewriting would not change it.
fn is_plain_pair(pair: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    pair.split_once('=').is_some_and(|(name, value)| {
        name.len() <= LONGEST_FIELD
            && name.bytes().all(allowed)
            && value.bytes().all(allowed)
            && !is_secret(name)
            && !has_uuid(name)
            && !is_uuid(value)
    })
}

fn is_before_secret(segment: &[u8]) -> bool {
    SECRET_FOLLOWS
        .iter()
        .any(|parent| segment == parent.as_bytes())
}

/// Returns whether a part of a name is a UUID.
fn has_uuid(name: &str) -> bool {
    is_as_long_as_uuid(name.as_bytes()) && name.split('.').any(is_uuid)
}

fn is_uuid(text: &str) -> bool {
    is_as_long_as_uuid(text.as_bytes()) && Uuid::try_parse(text).is_ok()
}

/// Rules out short texts, as most are, since parsing a UUID takes longer than this check.
fn is_as_long_as_uuid(text: &[u8]) -> bool {
    text.len() >= Simple::LENGTH
}

fn is_secret(name: &str) -> bool {
    ["token", "password", "secret", "signature"]
        .iter()
        .any(|word| {
            let windows = name.as_bytes().windows(word.len());
            windows
                .into_iter()
                .any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UPLOAD: &str = "0d8c4f3e-6a1f-4a7e-9b1e-1f0c5a7b9d2e";

    #[test]
    fn upload_paths_are_hidden_wherever_they_stand() {
        let redactor = Redactor::new(None);
        for (path, shown) in [
            (format!("/_binstore/{UPLOAD}"), "/_binstore/{hidden}"),
            (
                "/_binstore/guess/more".to_owned(),
                "/_binstore/{hidden}/{hidden}",
            ),
            (
                format!("//api/v1/_binstore/{UPLOAD}"),
                "//api/v1/_binstore/{hidden}",
            ),
            (format!("/{UPLOAD}/file"), "/{hidden}/file"),
            (format!("/{}", UPLOAD.replace('-', "")), "/{hidden}"),
            (
                "/api/v1/artifacts/acme/web".to_owned(),
                "/api/v1/artifacts/acme/web",
            ),
        ] {
            assert_eq!(redactor.path(&path), shown);
        }
    }

    #[test]
    fn the_token_is_hidden_wherever_it_stands() {
        let redactor = Redactor::new(Some("canary-1"));
        assert_eq!(redactor.path("/api/v1/xcanary-1"), "/api/v1/x{hidden}");
        assert_eq!(redactor.text("text/canary-1; x"), "text/{hidden}; x");
        assert_eq!(redactor.field("a.canary-1.b"), "a.{hidden}.b");
        assert_eq!(
            redactor.query("version=canary-1&version=can%61ry-1&canary-1=1"),
            "version=hidden&version=hidden&%7Bhidden%7D=1"
        );
    }

    #[test]
    fn a_short_token_leaves_the_words_that_it_is_part_of() {
        let redactor = Redactor::new(Some("a"));
        assert_eq!(redactor.path("/api/v1/a/acme"), "/api/v1/{hidden}/acme");
        assert_eq!(redactor.query("a=a&b=ab"), "%7Bhidden%7D=hidden&b=ab");
        assert_eq!(redactor.field("artifact.a"), "artifact.{hidden}");
        assert_eq!(
            (&*redactor.text("a"), &*redactor.text("ab")),
            ("{hidden}", "ab")
        );
    }

    #[test]
    fn parameters_that_are_called_secret_are_hidden() {
        let redactor = Redactor::new(None);
        let query = format!(
            "version=latest&access_token=a&upload_token=b&Password=c&x={UPLOAD}&metadata.1.key=os"
        );
        assert_eq!(
            redactor.query(&query),
            "version=latest&access_token=hidden&upload_token=hidden&Password=hidden&x=hidden&metadata.1.key=os"
        );
    }

    #[test]
    fn a_signed_url_is_shown_without_its_signature() {
        let redactor = Redactor::new(None);
        let query =
            "X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Security-Token=a&X-Amz-Signature=b";
        assert_eq!(
            redactor.query(query),
            "X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Security-Token=hidden&X-Amz-Signature=hidden"
        );
    }

    #[test]
    fn what_looks_like_no_name_is_no_field() {
        let redactor = Redactor::new(None);
        for name in [
            r#"{"user":{"password":"x"}}"#,
            "a b",
            UPLOAD,
            &"x".repeat(201),
        ] {
            assert_eq!(redactor.field(name), "{hidden}", "{name}");
        }
        let name = "artifact_version.metadata.region.us-east-1";
        assert_eq!(redactor.field(name), name);
    }

    #[test]
    fn a_key_of_metadata_that_is_hidden_stays_one() {
        let redactor = Redactor::new(Some("canary-1"));
        for (key, shown) in [
            ("git/branch", "{hidden}"),
            ("größe", "{hidden}"),
            (UPLOAD, "{hidden}"),
            (&"x".repeat(201), "{hidden}"),
            ("is-canary-1", "is-{hidden}"),
            ("", ""),
        ] {
            let name = format!("artifact_version.metadata.{key}");
            assert_eq!(
                redactor.field(&name),
                format!("artifact_version.metadata.{shown}")
            );
        }
    }

    proptest! {
        #[test]
        fn a_text_holds_what_it_contains(text in "[ab]{0,12}", token in "[ab]{0,4}") {
            prop_assert_eq!(holds(&text, &token), text.contains(&token));
        }

        #[test]
        fn a_query_is_shown_as_if_it_were_made_anew(
            parts in proptest::collection::vec(
                prop_oneof![
                    "[a-z0-9=&._%+-]{0,8}",
                    Just("metadata.1.key=".to_owned()),
                    Just("artifact_version.metadata.".to_owned()),
                    Just("access_token=".to_owned()),
                    Just("hunter2-hunter2".to_owned()),
                    Just(UPLOAD.to_owned()),
                ],
                0..8,
            ),
            token in proptest::option::of("[a-z]|hunter2-hunter2"),
        ) {
            let (redactor, query) = (Redactor::new(token.as_deref()), parts.concat());
            prop_assert_eq!(redactor.query(&query), redactor.rewritten(&query));
        }
    }

    #[test]
    fn a_text_has_an_end() {
        let long = "ä".repeat(LONGEST + 1);
        let text = Redactor::new(None).text(&long);
        assert_eq!(text.chars().count(), LONGEST + 1);
        assert!(text.ends_with('…'));
    }
}
