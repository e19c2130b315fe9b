//! Why a check did not end well: the server answered otherwise, or there was no answer to judge.

use std::fmt;

/// What stopped a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The server does not do what the clause says. The text names what was expected and what came.
    Broken(String),
    /// There is no verdict: the connection failed, the server was unavailable, or the suite itself went wrong.
    Trouble(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Broken(why) | Self::Trouble(why)) = self;
        out.write_str(why)
    }
}

/// The outcome of a check or of a step of it.
pub type Verdict<T = ()> = Result<T, Fault>;

/// A [`Fault::Broken`] that says what was expected and what came.
pub fn broken(expected: impl fmt::Display, came: impl fmt::Display) -> Fault {
    Fault::Broken(format!("expected  {expected}\ncame      {came}"))
}

/// Fails with [`Fault::Broken`] unless the statement is true.
///
/// # Errors
/// The fault names what was expected and what came.
pub fn require(holds: bool, expected: impl fmt::Display, came: impl fmt::Display) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(broken(expected, came))
    }
}
