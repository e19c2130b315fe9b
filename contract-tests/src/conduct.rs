//! How a run behaves towards the server: whether it may write, how fast it asks, whom it believes.

use std::path::PathBuf;

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

/// How a run behaves.
#[derive(Debug, Clone, Default)]
pub struct Conduct {
    /// Where it may write.
    pub access: Access,
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
