//! The ledger lists the behaviours of the contract, each with its evidence, its checks, its places in the emulator, and
//! the last time that a real server was seen to do it.
//!
//! `ledger.toml` contains the entries, and is written by hand. `places.toml` contains the [`places`] in the emulator,
//! and is generated, like `LEDGER.md`, by `UPDATE_LEDGER=1 cargo test -p atlas-contract-tests --test it ledger::`. Both
//! are compiled into the program. [`checks`] lists the checks that an entry can name. A [`behaviour`] is an entry with
//! its checks and places; [`text`] and [`markdown`] write behaviours.

pub mod behaviour;
pub mod checks;
pub mod markdown;
pub mod places;
pub mod text;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::suite::clause::Evidence;

const OWN: &str = include_str!("../../ledger.toml");

/// The entries of the ledger, by the sections of the contract.
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

/// The entry of one behaviour.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The stable and unique id: that of the check, where a check is about this behaviour only.
    pub id: String,
    /// A quotation from the contract that states the behaviour, and occurs once in its section.
    pub contract: String,
    /// The evidence; never empty.
    pub evidence: Vec<Proof>,
    /// The checks with other ids.
    #[serde(default)]
    pub checked_by: Vec<String>,
    /// The reason why there is no check.
    pub unchecked: Option<Unchecked>,
    /// A remark.
    pub note: Option<String>,
    /// The last time that a real server was seen to do it, if ever.
    pub last_seen: Option<LastSeen>,
}

/// A piece of evidence.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The kind of evidence.
    pub mark: Evidence,
    /// The client and its version, the documentation, the thread, or the reason of an inference, if known.
    pub source: Option<String>,
    /// The recordings below `testdata/`.
    #[serde(default)]
    pub files: Vec<String>,
}

/// The reason why a behaviour has no check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unchecked {
    /// The behaviour is the emulator's own choice.
    OwnChoice,
    /// The behaviour is a genuine client's, and other clients may differ.
    GenuineClient,
    /// The behaviour is a client's, and no server can observe it.
    OffTheWire,
}

/// A `LastSeen` is the most recent observation of the behaviour on a real server.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LastSeen {
    /// The day, `2030-01-31`.
    pub date: String,
    /// The server and its version.
    pub server: String,
    /// The observer.
    pub who: String,
    /// The place of the run's report.
    pub report: String,
}

/// The reason why a ledger cannot be read, with its line.
#[derive(Debug, thiserror::Error)]
#[error("the ledger cannot be read: {0}")]
pub struct LedgerError(#[from] toml::de::Error);

impl Ledger {
    /// Returns the ledger of this suite.
    ///
    /// # Errors
    /// Fails as [`Ledger::parse`] does; a test of this suite ensures that it does not.
    pub fn own() -> Result<Self, LedgerError> {
        Self::parse(OWN)
    }

    /// Parses a ledger in TOML.
    ///
    /// # Errors
    /// Fails when the text is not TOML, or has a field that is unknown, missing or of the wrong type.
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        Ok(toml::from_str(text)?)
    }
}

impl Proof {
    /// Returns a description of the source, without the files.
    pub fn described(&self) -> &str {
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
            Self::OwnChoice => "nothing: the emulator's own choice, not required of other servers",
            Self::GenuineClient => "nothing: a genuine client's way, not required of other clients",
            Self::OffTheWire => "nothing: a client's behaviour that no server can observe",
        })
    }
}

impl fmt::Display for LastSeen {
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
    fn an_unknown_source_is_described_as_such() {
        let proof = |mark, files: &[&str]| Proof {
            mark,
            source: None,
            files: files.iter().map(ToString::to_string).collect(),
        };
        for (proof, description) in [
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
            assert_eq!(proof.described(), description);
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
