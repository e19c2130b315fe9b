//! An exchange is a request and its reply; its methods check the reply.

use std::fmt::Display;

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::{
    failure::{CheckFailure, CheckResult, Sent, Violation},
    http::Reply,
    safety::secrets::Secrets,
    text::{plain, shorten},
};

/// The statuses that the Go client takes as success.
pub(crate) const SUCCESS: [u16; 4] = [200, 201, 202, 204];
/// The statuses by which a proxy says that it reaches no Atlas, that requests come too fast, or that it requires a
/// password: they are no verdict on the clause.
const UNAVAILABLE: [u16; 5] = [407, 429, 502, 503, 504];
/// Further statuses by which a server says that this one request failed.
const TRANSIENT: [u16; 2] = [408, 425];
/// The length at which a reply is cut when it is shown.
const MAX_SHOWN_CHARS: usize = 600;

/// A request and its reply.
pub struct Exchange {
    sent: Sent,
    shown: String,
    location: Option<String>,
    headers: HeaderMap,
    excessive: bool,
    /// The reply's status.
    pub status: u16,
    /// The Content-Encoding of the reply.
    pub encoding: Option<String>,
    /// The reply's body.
    pub body: Vec<u8>,
}

impl Exchange {
    /// Creates an exchange from a request, described without secrets, and its reply.
    pub(crate) fn new(secrets: &Secrets, sent: Sent, reply: Reply) -> Self {
        Self {
            sent,
            shown: shown(secrets, &reply),
            location: reply.location(),
            encoding: reply.encoding(),
            headers: reply.headers,
            excessive: reply.excess.is_some(),
            status: reply.status,
            body: reply.body,
        }
    }

    /// Requires that the reply is within the limits that a client can handle.
    ///
    /// # Errors
    /// Fails when the reply exceeds a limit; its body may then be incomplete.
    pub(crate) fn require_complete(&self) -> CheckResult {
        self.require(!self.excessive, "a reply that a client can take in")
    }

    /// Requires that the server was available.
    ///
    /// # Errors
    /// Returns [`CheckFailure::Inconclusive`] when the status says that the server is unavailable, that requests come
    /// too fast, or that a proxy requires a password. `proxy` is the note on the proxy, which ends the message.
    pub(crate) fn require_available(&self, proxy: &str) -> CheckResult {
        if UNAVAILABLE.contains(&self.status) {
            return Err(CheckFailure::Inconclusive(format!(
                "{}: {}{proxy}",
                self.sent.request, self.shown
            )));
        }
        Ok(())
    }

    /// Returns the reply for display: its status and the beginning of its body, without secrets.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Returns the target of a redirect.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Returns a header of the reply, or the empty text if there is none.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|it| it.to_str().ok()).unwrap_or_default()
    }

    /// Returns a violation that names what was expected, the reply and the request.
    pub fn violation(&self, expected: impl Display) -> CheckFailure {
        let violation = self.violation_of(expected, self.shown.clone());
        if self.may_be_transient() {
            CheckFailure::MaybeTransient(violation)
        } else {
            CheckFailure::Violation(violation)
        }
    }

    /// Describes a violation by this exchange, with the given expectation and observation.
    pub(crate) fn violation_of(&self, expected: impl Display, came: String) -> Box<Violation> {
        Box::new(Violation {
            expected: expected.to_string(),
            came,
            status: Some(self.status),
            sent: Some(self.sent.clone()),
        })
    }

    /// Tells whether the reply is a server error or truncated JSON, which says nothing about the clause unless it comes
    /// each time.
    pub(crate) fn may_be_transient(&self) -> bool {
        let is_json = matches!(self.body.trim_ascii_start().first(), Some(b'{' | b'['));
        self.status >= 500
            || TRANSIENT.contains(&self.status)
            || (is_json && !self.excessive && self.json_of_body().is_none())
    }

    fn json_of_body(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Requires that something forbidden was not seen in this exchange: one observation is enough to violate a clause
    /// that says "never".
    ///
    /// # Errors
    /// Returns a violation that names this exchange when `seen` is true.
    pub fn never(&self, seen: bool, expected: impl Display) -> CheckResult {
        if seen {
            Err(CheckFailure::Forbidden(
                self.violation_of(expected, self.shown.clone()),
            ))
        } else {
            Ok(())
        }
    }

    /// Requires that the caller was refused with this status. A success is forbidden.
    ///
    /// # Errors
    /// Fails when the status differs, or the body is too long.
    pub fn denied(&self, status: u16) -> CheckResult {
        self.never(self.succeeded(), format!("status {status}"))?;
        self.status_is(status)
    }

    /// Requires that a statement about this exchange is true.
    ///
    /// # Errors
    /// Returns a violation that names this exchange when the statement is false.
    pub fn require(&self, holds: bool, expected: impl Display) -> CheckResult {
        if holds {
            Ok(())
        } else {
            Err(self.violation(expected))
        }
    }

    /// Requires this status, and a complete body.
    ///
    /// # Errors
    /// Fails when the status differs, or the body is too long.
    pub fn status_is(&self, status: u16) -> CheckResult {
        self.require(self.status == status, format!("status {status}"))?;
        self.require_complete()
    }

    /// Tells whether the status is one that the Go client takes as success.
    pub fn succeeded(&self) -> bool {
        SUCCESS.contains(&self.status)
    }

    /// Requires a success.
    ///
    /// # Errors
    /// Fails when the Go client would not take the status as success.
    pub fn success(&self) -> CheckResult {
        self.require(self.succeeded(), "success: status 200, 201, 202 or 204")
    }

    /// Returns the body as JSON.
    ///
    /// # Errors
    /// Fails when the body is not JSON.
    pub fn json(&self) -> CheckResult<Value> {
        self.json_of_body()
            .ok_or_else(|| self.violation("a JSON body"))
    }

    /// Requires this value in the body, at the JSON pointer.
    ///
    /// # Errors
    /// Fails when the body is not JSON, or has another value or none at the pointer.
    pub fn expect(&self, pointer: &str, value: impl Into<Value>) -> CheckResult {
        let value = value.into();
        let holds = self.json()?.pointer(pointer) == Some(&value);
        self.require(holds, format!("{value} at {pointer}"))
    }
}

fn shown(secrets: &Secrets, reply: &Reply) -> String {
    let Reply { status, body, .. } = reply;
    let size = body.len();
    // The body is not shown: its end may be a part of a secret, and when there were too many secrets, some are unknown.
    if let Some(excess) = &reply.excess {
        return format!("{status} and {excess}");
    }
    let shown = match std::str::from_utf8(body) {
        Ok(text) => format!("{status} {text}"),
        Err(_) => format!("{status} and {size} bytes"),
    };
    // The text is shortened only after redaction, so that no part of a secret remains at its end.
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
    fn a_violation_names_both_sides_and_no_secret() {
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
    fn a_gateway_without_a_server_is_inconclusive() {
        for status in [407, 429, 503] {
            let verdict = exchange(status, "").require_available("");
            assert!(
                matches!(verdict, Err(CheckFailure::Inconclusive(_))),
                "{status}"
            );
        }
        assert_eq!(exchange(500, "").require_available(""), Ok(()));
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
