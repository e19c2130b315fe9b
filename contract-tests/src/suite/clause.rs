//! A clause is one statement of the contract about a server, with its evidence and its check.

use std::fmt;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{
    failure::Verdict,
    suite::{context::Context, precondition::Precondition, required_setting::RequiredSetting},
};

/// How a behaviour is known; the marks of `docs/contract.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// A reply of the real Atlas, kept by somebody.
    Recorded,
    /// What a genuine client sends, or needs back.
    Client,
    /// The documentation of the service or of a client.
    Docs,
    /// A public issue thread.
    Thread,
    /// The project's own choice.
    Inferred,
}

impl fmt::Display for Evidence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Recorded => "recorded",
            Self::Client => "client",
            Self::Docs => "docs",
            Self::Thread => "thread",
            Self::Inferred => "inferred",
        })
    }
}

/// The check of a clause: `Ok` when the server keeps it.
pub type Check = for<'a> fn(&'a Context<'a>) -> BoxFuture<'a, Verdict>;

/// One statement of the contract about the server.
#[derive(Clone, Copy)]
pub struct Clause {
    /// Stable and unique, `area.statement`; at most 30 characters, because the names of artifacts are made of it.
    pub id: &'static str,
    /// The statement, in the words of the contract.
    pub title: &'static str,
    /// How it is known; never empty.
    pub evidence: &'static [Evidence],
    /// What the operator must tell before it can be checked.
    pub required_settings: &'static [RequiredSetting],
    /// What must be on the server to check it without writing; `None` when it cannot be.
    pub preconditions: Option<&'static [Precondition]>,
    /// Whether it says of something that it never is: then one sighting of that breaks it. Any other clause is broken by
    /// what breaks it each time.
    pub never: bool,
    /// How it is checked.
    pub check: Check,
}

impl Clause {
    /// Whether a server that does otherwise fails: what is merely our choice makes only a difference.
    pub fn required(&self) -> bool {
        required(self.evidence)
    }

    /// The same clause, which can also be checked without writing where this is on the server.
    pub(crate) const fn reading(mut self, given: &'static [Precondition]) -> Self {
        self.preconditions = Some(given);
        self
    }

    /// The same clause, which says of something that it never is.
    pub(crate) const fn never(mut self) -> Self {
        self.never = true;
        self
    }

    /// The marks as one text: `docs, client`.
    pub fn marks(&self) -> String {
        marks(self.evidence)
    }
}

/// Whether something is known from others, and not merely our choice.
pub(crate) fn required(evidence: &[Evidence]) -> bool {
    evidence.iter().any(|mark| *mark != Evidence::Inferred)
}

/// Marks as one text: `docs, client`.
pub(crate) fn marks(evidence: &[Evidence]) -> String {
    let marks: Vec<_> = evidence.iter().map(ToString::to_string).collect();
    marks.join(", ")
}

/// A clause that needs nothing of the operator.
pub(crate) const fn clause(
    id: &'static str,
    title: &'static str,
    evidence: &'static [Evidence],
    check: Check,
) -> Clause {
    requiring(&[], id, title, evidence, check)
}

/// A clause that only some facts of the operator make possible.
pub(crate) const fn requiring(
    required_settings: &'static [RequiredSetting],
    id: &'static str,
    title: &'static str,
    evidence: &'static [Evidence],
    check: Check,
) -> Clause {
    Clause {
        id,
        title,
        evidence,
        required_settings,
        preconditions: None,
        never: false,
        check,
    }
}
