//! The ledger tells for each behaviour of the contract how it is known, what checks it, where the emulator does it, and
//! when a real server was last seen to do it.
//!
//! `ledger.toml` holds all of that but the [`places`] in the emulator, and the program carries both. [`checks`] are what
//! an entry can name as its check. A [`behaviour`] is an entry with its checks and places, which [`text`] and
//! [`markdown`] write out.

pub mod behaviour;
pub mod checks;
pub mod markdown;
pub mod places;
pub mod text;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::suite::clause::Evidence;

const OWN: &str = include_str!("../../ledger.toml");

/// All entries, by the sections of the contract.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// The sections, in the order of the contract.
    #[serde(rename = "section")]
    pub sections: Vec<Section>,
}

/// The entries of a section of the contract.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The heading in the contract.
    pub title: String,
    /// The entries, in the order of the contract.
    #[serde(rename = "entry")]
    pub entries: Vec<Entry>,
}

/// What is known of one behaviour.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Stable and unique; that of the check, where one check has this behaviour alone.
    pub id: String,
    /// Words of the contract that state the behaviour, and stand once in its section.
    pub contract: String,
    /// How it is known; never empty.
    pub evidence: Vec<Proof>,
    /// Checks of another id.
    #[serde(default)]
    pub checked_by: Vec<String>,
    /// Why no check has it.
    pub unchecked: Option<Unchecked>,
    /// What else is to be known.
    pub note: Option<String>,
    /// When a real server was last seen to do it, if ever.
    pub last_seen: Option<Sighting>,
}

/// A piece of evidence.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Of what kind it is.
    pub mark: Evidence,
    /// The client and its version, the documentation, the thread, or the reason of an inference, if somebody noted it.
    pub source: Option<String>,
    /// Recordings below `testdata/`.
    #[serde(default)]
    pub files: Vec<String>,
}

/// Why no check has a behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unchecked {
    /// The emulator's own choice.
    OwnChoice,
    /// How a genuine client does it, as others need not.
    GenuineClient,
    /// A client does it, and no server sees it.
    OffTheWire,
}

/// A real server that was seen to do it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sighting {
    /// The day, `2030-01-31`.
    pub date: String,
    /// Which server, of what version.
    pub server: String,
    /// Who saw it.
    pub who: String,
    /// Where the report of that run is.
    pub report: String,
}

/// The ledger cannot be read: where, and why.
#[derive(Debug, thiserror::Error)]
#[error("the ledger cannot be read: {0}")]
pub struct LedgerError(#[from] toml::de::Error);

impl Ledger {
    /// The ledger of this suite.
    ///
    /// # Errors
    /// Those of [`Ledger::parse`], which a test of this suite would have met before.
    pub fn own() -> Result<Self, LedgerError> {
        Self::parse(OWN)
    }

    /// A ledger in TOML.
    ///
    /// # Errors
    /// The text is no TOML, or has a field that is unknown, missing or of the wrong shape.
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        Ok(toml::from_str(text)?)
    }
}

impl Proof {
    /// The source in words, without the files.
    pub fn told(&self) -> &str {
        let recorded = !self.files.is_empty();
        match (&self.source, self.mark) {
            (Some(source), _) => source,
            (None, Evidence::Inferred) => "the project's choice",
            (None, Evidence::Recorded) if recorded => "a reply of the real Atlas",
            (None, Evidence::Client) if recorded => "the requests of a genuine client",
            (None, _) => "source not named in the contract",
        }
    }
}

impl fmt::Display for Unchecked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::OwnChoice => "nothing: the emulator's own choice, asked of no other server",
            Self::GenuineClient => {
                "nothing: how a genuine client does it, asked of no other client"
            }
            Self::OffTheWire => "nothing: a client does it where no server sees it",
        })
    }
}

impl fmt::Display for Sighting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            date,
            server,
            who,
            report,
        } = self;
        write!(out, "{date}, {server}, by {who}: {report}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_nobody_noted_is_told_as_such() {
        let proof = |mark, files: &[&str]| Proof {
            mark,
            source: None,
            files: files.iter().map(ToString::to_string).collect(),
        };
        for (proof, told) in [
            (
                proof(Evidence::Docs, &[]),
                "source not named in the contract",
            ),
            (
                proof(Evidence::Recorded, &[]),
                "source not named in the contract",
            ),
            (
                proof(Evidence::Recorded, &["a"]),
                "a reply of the real Atlas",
            ),
            (
                proof(Evidence::Client, &["a"]),
                "the requests of a genuine client",
            ),
            (proof(Evidence::Inferred, &[]), "the project's choice"),
        ] {
            assert_eq!(proof.told(), told);
        }
    }

    #[test]
    fn an_unknown_field_and_an_unknown_reason_are_told_with_their_line() {
        let entry = "[[section]]\ntitle = \"T\"\n[[section.entry]]\nid = \"a\"\ncontract = \"b\"\nevidence = []\n";
        for (more, told) in [
            ("emulator = [\"a.rs#item\"]", "unknown field `emulator`"),
            ("checkd_by = []", "unknown field `checkd_by`"),
            ("unchecked = \"later\"", "unknown variant `later`"),
        ] {
            let error = Ledger::parse(&format!("{entry}{more}\n")).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(told) && error.contains("line 7"), "{error}");
        }
        assert!(Ledger::parse(entry).is_ok());
    }
}
