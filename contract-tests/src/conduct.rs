//! How a run behaves towards the server: whether it may write, how fast it asks, whom it believes.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use reqwest::Url;

use crate::{fixtures::Fixture, pace::Rate, target::is_loopback, trust::Trust};

/// The variable that allows the tests to write to a server that is not on this machine.
pub(crate) const ALLOW_WRITES: &str = "ATLAS_CONTRACT_ALLOW_WRITES";

/// Where a run may write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// To a server on this machine alone.
    #[default]
    Loopback,
    /// To any server: the caller said so.
    Anywhere,
    /// Nowhere: no request but GET is sent.
    ReadOnly,
}

impl Access {
    /// Why nothing may be written to this address, if so. That of an upload need not be on the server's machine.
    pub(crate) fn refusal(self, url: &Url) -> Option<&'static str> {
        match self {
            Self::Loopback => (!is_loopback(url))
                .then_some("it is not on this machine, and would need --allow-writes"),
            Self::Anywhere => None,
            Self::ReadOnly => Some("nothing may be written to this server"),
        }
    }
}

/// How long nothing may move before a request is given up: whole seconds, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout(Duration);

/// The text is no time to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time to wait is a number of seconds from 1 to 86400")]
pub struct InvalidTimeout;

impl Timeout {
    pub(crate) fn duration(self) -> Duration {
        self.0
    }
}

impl Default for Timeout {
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

impl FromStr for Timeout {
    type Err = InvalidTimeout;

    /// A text that is empty, as of a variable that is set to nothing, tells nothing.
    fn from_str(text: &str) -> Result<Self, InvalidTimeout> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let seconds = text.parse().map_err(|_| InvalidTimeout)?;
        // The bounds also keep what is a multiple of it a time.
        if (1..=86_400).contains(&seconds) {
            Ok(Self(Duration::from_secs(seconds)))
        } else {
            Err(InvalidTimeout)
        }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_secs().fmt(out)
    }
}

/// How a run behaves.
#[derive(Debug, Clone, Default)]
pub struct Conduct {
    /// Where it may write.
    pub access: Access,
    /// How long nothing may move before a request is given up.
    pub timeout: Timeout,
    /// How fast it asks; when nobody says, as fast as it can on this machine and gently elsewhere.
    pub rate: Option<Rate>,
    /// Whom it believes over TLS, for the API, for uploads and for downloads alike.
    pub trust: Trust,
    /// Where the journal of what it makes is kept, if anywhere: a file that is not there yet, or a folder, in which the
    /// file is named after the run.
    pub journal: Option<PathBuf>,
    /// What there is to read when nothing may be written.
    pub fixtures: Vec<Fixture>,
}

/// Whether a variable switches something on: set, and not to a word for no.
pub fn is_yes(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    !matches!(&*value, "" | "0" | "f" | "false" | "n" | "no" | "off")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_number_of_seconds_and_nothing_is_the_usual_one() {
        for text in ["0", "-1", "soon", "1.5", "86401", " "] {
            assert_eq!(text.parse::<Timeout>(), Err(InvalidTimeout), "{text}");
        }
        assert_eq!("".parse(), Ok(Timeout::default()));
        let two: Timeout = "2".parse().unwrap();
        assert_eq!(two.duration(), Duration::from_secs(2));
    }
}
