//! Determines the id of a request, which the log, the reply and the journal show.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Builder;
use uuid::fmt::Simple;

use crate::observe::Redactor;

/// The header with the id: a client may send one, and each reply has the id that was used.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is accepted from a client, in characters.
const LONGEST: usize = 128;

/// The id of a request.
#[derive(Clone, Debug)]
pub(super) enum RequestId {
    /// The client's own.
    Sent(HeaderValue),
    /// The hexadecimal digits of a random number.
    New([u8; Simple::LENGTH]),
}

impl RequestId {
    /// Returns the client's id, if a log can show it unchanged; else a new one. An id that is or contains the
    /// request's token is replaced, since ids are shown.
    pub(super) fn of(headers: &HeaderMap, redactor: Redactor<'_>) -> Self {
        let may_be_shown = |id: &str| is_sane(id) && redactor.text(id) == id;
        let sent = headers.get(HEADER);
        sent.filter(|id| id.to_str().is_ok_and(may_be_shown))
            .map_or_else(Self::new, |id| Self::Sent(id.clone()))
    }

    /// Creates a random id. It authorises nothing, so it may be guessable and needs no system randomness.
    fn new() -> Self {
        let random = fastrand::u128(..).to_ne_bytes();
        let mut digits = [0; Simple::LENGTH];
        Builder::from_random_bytes(random)
            .into_uuid()
            .simple()
            .encode_lower(&mut digits);
        Self::New(digits)
    }

    pub(super) fn as_str(&self) -> &str {
        let text = match self {
            Self::Sent(id) => id.to_str().ok(),
            Self::New(digits) => str::from_utf8(digits).ok(),
        };
        text.unwrap_or_default()
    }

    /// Returns the id as the value of a header.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        match self {
            Self::Sent(id) => Some(id.clone()),
            Self::New(digits) => HeaderValue::from_bytes(digits).ok(),
        }
    }
}

fn is_sane(id: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    (1..=LONGEST).contains(&id.len()) && id.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(sent: &str, token: Option<&str>) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(sent.as_bytes()).unwrap());
        RequestId::of(&headers, Redactor::new(token))
            .as_str()
            .to_owned()
    }

    #[test]
    fn a_sane_id_is_kept() {
        for id in ["7", "build-12.step_3:push", &"x".repeat(LONGEST)] {
            assert_eq!(id_for(id, Some("T")), id);
        }
    }

    #[test]
    fn another_is_made_in_place_of_one_that_no_log_can_show() {
        for id in [
            "",
            "a b",
            "a\tb",
            "a/b",
            "\u{e9}",
            "the-TOKEN-12",
            &"x".repeat(LONGEST + 1),
        ] {
            let made = id_for(id, Some("TOKEN-12"));
            assert!(made.len() == 32 && made != id_for(id, None), "{id}: {made}");
        }
        let made = RequestId::of(&HeaderMap::new(), Redactor::new(None));
        assert_eq!(made.as_str().len(), 32);
        assert_eq!(made.header().unwrap(), made.as_str());
    }
}
