//! A check failure says why a check did not pass: the server violates the clause, or there is no reply to judge.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A `CheckFailure` is the reason why a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckFailure {
    /// The server violates the clause.
    Violation(Box<Violation>),
    /// The server does something that the clause forbids, and that a correct server would not do even by chance.
    Forbidden(Box<Violation>),
    /// The reply violates the clause, but it is a server error or truncated JSON, which any clause may meet by chance.
    MaybeTransient(Box<Violation>),
    /// There is no verdict: the connection failed, the server was unavailable, or the suite itself went wrong.
    Inconclusive(String),
    /// There is no verdict, because the suite did not send a request: the policy does not allow it, or the journal
    /// could not record it. Another attempt would change nothing, and no check may count this failure as a reply.
    NotSent(String),
}

impl CheckFailure {
    /// Returns the violation, or `None` when there is no verdict.
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Violation(violation)
            | Self::Forbidden(violation)
            | Self::MaybeTransient(violation) => Some(violation),
            Self::Inconclusive(_) | Self::NotSent(_) => None,
        }
    }
}

/// A `Violation` describes what a server did, and what it should have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The reply or state that the clause expects.
    pub expected: String,
    /// The reply or state that was observed instead.
    pub came: String,
    /// The status of the reply, if the violation concerns a single reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The request, if the violation concerns a single request.
    #[serde(flatten)]
    pub sent: Option<Sent>,
}

/// A request that was sent, described without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The method, the address and the payload, on one line.
    pub request: String,
    /// A `curl` command that sends the request again; secrets are replaced by shell variables.
    pub curl: String,
}

/// A `CheckResult` is the outcome of a check or of one of its steps.
pub type CheckResult<T = ()> = Result<T, CheckFailure>;

/// Returns a [`CheckFailure::Violation`] with the given expectation and observation.
pub fn violation(expected: impl fmt::Display, came: impl fmt::Display) -> CheckFailure {
    CheckFailure::Violation(Box::new(Violation {
        expected: expected.to_string(),
        came: came.to_string(),
        status: None,
        sent: None,
    }))
}

/// Checks that a statement is true.
///
/// # Errors
/// Returns a [`CheckFailure::Violation`] with the given expectation and observation when the statement is false.
pub fn require(holds: bool, expected: impl fmt::Display, came: impl fmt::Display) -> CheckResult {
    if holds {
        Ok(())
    } else {
        Err(violation(expected, came))
    }
}

impl Violation {
    /// Returns the violation with `change` applied to all its texts.
    pub(crate) fn map(self, change: impl Fn(&str) -> String) -> Self {
        Self {
            expected: change(&self.expected),
            came: change(&self.came),
            status: self.status,
            sent: self.sent.map(|sent| Sent {
                request: change(&sent.request),
                curl: change(&sent.curl),
            }),
        }
    }

    /// Returns the texts with their labels, in the order in which they are shown.
    pub fn lines(&self) -> Vec<(&'static str, &str)> {
        let sent = self.sent.iter();
        let sent = sent.flat_map(|sent| [("request", &*sent.request), ("again", &*sent.curl)]);
        [("expected", &*self.expected), ("came", &*self.came)]
            .into_iter()
            .chain(sent)
            .collect()
    }
}

/// Writes one line per text.
impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines().into_iter();
        let lines: Vec<_> = lines
            .map(|(name, text)| format!("{name:<8}  {text}"))
            .collect();
        out.write_str(&lines.join("\n"))
    }
}

impl fmt::Display for CheckFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation(violation)
            | Self::Forbidden(violation)
            | Self::MaybeTransient(violation) => violation.fmt(out),
            Self::Inconclusive(why) | Self::NotSent(why) => out.write_str(why),
        }
    }
}
