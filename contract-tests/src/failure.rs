//! A check failure says why a check did not pass: the server violates the clause, or there is no reply to judge.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A `CheckFailure` is the reason why a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckFailure {
    /// The server does not do what the clause says.
    Violation(Box<Violation>),
    /// The server does what the clause says that it never does; a correct server would not do so even by chance.
    Forbidden(Box<Violation>),
    /// The reply violates the clause, but it is an error of the server or truncated JSON, which any clause may meet by
    /// chance.
    MaybeTransient(Box<Violation>),
    /// There is no verdict: the connection failed, the server was unavailable, or the suite itself went wrong.
    Inconclusive(String),
    /// There is no verdict, because the suite did not send a request: the policy does not allow it, or the journal could
    /// not record it. Another attempt would change nothing, and no check may take this for a reply.
    NotSent(String),
}

impl CheckFailure {
    /// Returns what the server did, unless there is no verdict.
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Violation(violation)
            | Self::Forbidden(violation)
            | Self::MaybeTransient(violation) => Some(violation),
            Self::Inconclusive(_) | Self::NotSent(_) => None,
        }
    }
}

/// A `Violation` is what a server did, and what it should have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// What the clause expects.
    pub expected: String,
    /// What came instead.
    pub came: String,
    /// The status of the reply, if it was one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The request it came for, if it was one alone.
    #[serde(flatten)]
    pub sent: Option<Sent>,
}

/// A request that was sent, told without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// On one line: the method, the address, and what was carried.
    pub request: String,
    /// The command that sends the same again; secrets stand in it as variables of the shell.
    pub curl: String,
}

/// The outcome of a check or of a step of it.
pub type Verdict<T = ()> = Result<T, CheckFailure>;

/// A [`CheckFailure::Violation`] that says what was expected and what came.
pub fn violation(expected: impl fmt::Display, came: impl fmt::Display) -> CheckFailure {
    CheckFailure::Violation(Box::new(Violation {
        expected: expected.to_string(),
        came: came.to_string(),
        status: None,
        sent: None,
    }))
}

/// Fails with [`CheckFailure::Violation`] unless the statement is true.
///
/// # Errors
/// The violation names what was expected and what came.
pub fn require(holds: bool, expected: impl fmt::Display, came: impl fmt::Display) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(violation(expected, came))
    }
}

impl Violation {
    /// The same with all its texts changed.
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

    /// Its texts under their names, in the order in which they are shown.
    pub fn lines(&self) -> Vec<(&'static str, &str)> {
        let sent = self.sent.iter();
        let sent = sent.flat_map(|sent| [("request", &*sent.request), ("again", &*sent.curl)]);
        [("expected", &*self.expected), ("came", &*self.came)]
            .into_iter()
            .chain(sent)
            .collect()
    }
}

/// A line for each text.
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
