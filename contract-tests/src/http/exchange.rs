//! An exchange is a request and its reply; its methods state what the reply must be.

use std::fmt::Display;

use serde_json::Value;

use crate::{
    failure::{CheckFailure, Sent, Verdict, Violation},
    http::Reply,
    safety::secrets::Secrets,
    text::{plain, shorten},
};

/// The statuses that the Go client takes as success.
pub(crate) const SUCCESS: [u16; 4] = [200, 201, 202, 204];
/// With these statuses a proxy says that it reaches no Atlas, that requests come too fast, or that it wants a password
/// of its own: they are no verdict on the clause.
const UNAVAILABLE: [u16; 5] = [407, 429, 502, 503, 504];
/// Other statuses by which a server says that something went wrong with this one request.
const PASSING: [u16; 2] = [408, 425];
/// A longer reply is cut when it is shown.
const MAX_SHOWN_CHARS: usize = 600;

/// A request and its reply.
pub struct Exchange {
    sent: Sent,
    shown: String,
    location: Option<String>,
    excessive: bool,
    /// The reply's status.
    pub status: u16,
    /// How the reply says that its body is encoded.
    pub encoding: Option<String>,
    /// The reply's body.
    pub body: Vec<u8>,
}

impl Exchange {
    /// What came back for a request, told without secrets.
    pub(crate) fn new(secrets: &Secrets, sent: Sent, reply: Reply) -> Self {
        Self {
            sent,
            shown: shown(secrets, &reply),
            location: reply.location(),
            encoding: reply.encoding(),
            excessive: reply.excess.is_some(),
            status: reply.status,
            body: reply.body,
        }
    }

    /// It is a reply that a client can take in: of nothing has it too much.
    ///
    /// # Errors
    /// It is not; perhaps only the beginning of its body is here.
    pub(crate) fn whole(&self) -> Verdict {
        self.require(!self.excessive, "a reply that a client can take in")
    }

    /// # Errors
    /// [`CheckFailure::Inconclusive`] when something before the server says that there is none, that it is asked too fast, or that it
    /// does not know who asks. The words for a proxy follow.
    pub(crate) fn available(&self, proxy: &str) -> Verdict {
        if UNAVAILABLE.contains(&self.status) {
            return Err(CheckFailure::Inconclusive(format!(
                "{}: {}{proxy}",
                self.sent.request, self.shown
            )));
        }
        Ok(())
    }

    /// The reply as it may be shown: its status and the beginning of its body, without secrets.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Where a redirect leads to.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Returns a violation that names what was expected, the reply and the request.
    pub fn violation(&self, expected: impl Display) -> CheckFailure {
        let violation = self.against(expected, self.shown.clone());
        if self.may_be_transient() {
            CheckFailure::MaybeTransient(violation)
        } else {
            CheckFailure::Violation(violation)
        }
    }

    pub(crate) fn against(&self, expected: impl Display, came: String) -> Box<Violation> {
        Box::new(Violation {
            expected: expected.to_string(),
            came,
            status: Some(self.status),
            sent: Some(self.sent.clone()),
        })
    }

    /// Whether this is an error of the server's own, or half a text in JSON: what says nothing of the clause, unless it
    /// comes each time.
    pub(crate) fn may_be_transient(&self) -> bool {
        let is_text = matches!(self.body.trim_ascii_start().first(), Some(b'{' | b'['));
        self.status >= 500
            || PASSING.contains(&self.status)
            || (is_text && !self.excessive && self.json_of_body().is_none())
    }

    fn json_of_body(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// What must never be was not seen here: in a clause that says never, one sighting is enough.
    ///
    /// # Errors
    /// It was; the violation names this exchange.
    pub fn never(&self, seen: bool, expected: impl Display) -> Verdict {
        if seen {
            Err(CheckFailure::Forbidden(
                self.against(expected, self.shown.clone()),
            ))
        } else {
            Ok(())
        }
    }

    /// The caller was not let in: the status is this one. A success is what must never be.
    ///
    /// # Errors
    /// It is another one, or the body is too long.
    pub fn denied(&self, status: u16) -> Verdict {
        self.never(self.succeeded(), format!("status {status}"))?;
        self.status_is(status)
    }

    /// The statement about this exchange is true.
    ///
    /// # Errors
    /// It is not; the violation names this exchange.
    pub fn require(&self, holds: bool, expected: impl Display) -> Verdict {
        if holds {
            Ok(())
        } else {
            Err(self.violation(expected))
        }
    }

    /// The status is this one, and all of the body is here.
    ///
    /// # Errors
    /// It is another one, or the body is too long.
    pub fn status_is(&self, status: u16) -> Verdict {
        self.require(self.status == status, format!("status {status}"))?;
        self.whole()
    }

    /// Whether the status is one that the Go client takes as success.
    pub fn succeeded(&self) -> bool {
        SUCCESS.contains(&self.status)
    }

    /// The status is a success.
    ///
    /// # Errors
    /// It is none that the Go client takes as success.
    pub fn success(&self) -> Verdict {
        self.require(self.succeeded(), "success: status 200, 201, 202 or 204")
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is none.
    pub fn json(&self) -> Verdict<Value> {
        self.json_of_body()
            .ok_or_else(|| self.violation("a JSON body"))
    }

    /// The body has this value at the JSON pointer.
    ///
    /// # Errors
    /// The body is no JSON, or has no such value at the pointer.
    pub fn expect(&self, pointer: &str, value: impl Into<Value>) -> Verdict {
        let value = value.into();
        let holds = self.json()?.pointer(pointer) == Some(&value);
        self.require(holds, format!("{value} at {pointer}"))
    }
}

fn shown(secrets: &Secrets, reply: &Reply) -> String {
    let Reply { status, body, .. } = reply;
    let size = body.len();
    // What is cut off may be a part of a secret, and of too many secrets not all are known.
    if let Some(excess) = &reply.excess {
        return format!("{status} and {excess}");
    }
    let shown = match std::str::from_utf8(body) {
        Ok(text) => format!("{status} {text}"),
        Err(_) => format!("{status} and {size} bytes"),
    };
    // For the same reason only what is redacted may be shortened.
    shorten(plain(&secrets.redact(&shown)), MAX_SHOWN_CHARS)
}

#[cfg(test)]
mod tests {
    use reqwest::{Method, Url};

    use super::*;
    use crate::http::request::Request;

    fn exchange(status: u16, body: &str) -> Exchange {
        let secrets = Secrets::default();
        secrets.add("canary", "[token]");
        let url = Url::parse("http://a.test/x?access_token=canary").unwrap();
        let sent = Request::new(Method::GET, url).shown(&secrets);
        let reply = Reply {
            status,
            body: body.into(),
            ..Reply::default()
        };
        Exchange::new(&secrets, sent, reply)
    }

    #[test]
    fn a_fault_names_both_sides_and_no_secret() {
        let failure = exchange(404, "no canary").status_is(200).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "expected  status 200\ncame      404 no [token]\n\
             request   GET http://a.test/x?access_token=[token]\n\
             again     curl -i --globoff \"http://a.test/x?access_token=$ATLAS_TOKEN\""
        );
    }

    #[test]
    fn a_secret_on_the_edge_of_what_is_shown_is_hidden_too() {
        let body = format!("{}canary", "x".repeat(MAX_SHOWN_CHARS - 7));
        assert!(!format!("{:?}", exchange(500, &body).success()).contains("can"));
    }

    #[test]
    fn what_a_server_says_cannot_steer_a_terminal_or_forge_a_line() {
        let reply = exchange(200, "\u{1b}[2J\npass  auth.login ä");
        assert_eq!(reply.shown(), "200 \\u{1b}[2J\\npass  auth.login ä");
    }

    #[test]
    fn a_gateway_without_a_server_is_trouble_and_no_verdict() {
        for status in [407, 429, 503] {
            let verdict = exchange(status, "").available("");
            assert!(
                matches!(verdict, Err(CheckFailure::Inconclusive(_))),
                "{status}"
            );
        }
        assert_eq!(exchange(500, "").available(""), Ok(()));
    }

    #[test]
    fn a_search_is_judged_by_number_and_order() {
        let found = exchange(200, r#"{"versions":[{"version":3},{"version":1}]}"#);
        assert_eq!(found.found(&[3, 1]), Ok(()));
        assert!(found.found(&[1, 3]).is_err());
        assert!(found.found(&[3]).is_err());
        assert!(exchange(200, "{}").found(&[]).is_err());
        assert!(exchange(404, r#"{"versions":[]}"#).found(&[]).is_err());
    }
}
