//! A clause is one statement of the contract about a server, with its evidence and its check.

use std::fmt;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{
    failure::CheckResult,
    suite::{
        box_api::Boxes, context::Context, precondition::Precondition,
        required_setting::RequiredSetting,
    },
};

/// A kind of evidence for a behaviour, as marked in `docs/contract.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// A reply of the real Atlas that somebody recorded.
    Recorded,
    /// A request that a genuine client sends, or a reply that it needs.
    Client,
    /// The documentation of the service or of a client.
    Docs,
    /// A public issue thread.
    Thread,
    /// A choice of this project.
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

/// The check of a clause, which returns `Ok` when the server satisfies the clause.
pub type Check = for<'a> fn(&'a Context<'a>) -> BoxFuture<'a, CheckResult>;

/// A statement of the contract about the server.
#[derive(Clone, Copy)]
pub struct Clause {
    /// The unique and stable id, `area.statement`, of at most 30 characters, because names of artifacts contain it.
    pub id: &'static str,
    /// The statement, in the words of the contract.
    pub title: &'static str,
    /// The evidence for the statement; never empty.
    pub evidence: &'static [Evidence],
    /// The settings that the operator must give for the check.
    pub required_settings: &'static [RequiredSetting],
    /// The APIs for boxes that the server must have; without them, the clause is not applicable.
    pub boxes: Option<Boxes>,
    /// The fixtures that the check needs when nothing may be written; `None` when the check has to write.
    pub preconditions: Option<&'static [Precondition]>,
    /// Whether the clause says that something never happens, so that one observation violates it. Any other clause is
    /// violated only by a failure that comes each time.
    pub never: bool,
    /// The check of the statement.
    pub check: Check,
}

impl Clause {
    /// Tells whether a violation is a failure. A violation of a clause that is merely the project's own choice is a
    /// difference.
    pub fn required(&self) -> bool {
        required(self.evidence)
    }

    /// Returns the clause with the preconditions under which it can be checked without writing.
    pub(crate) const fn reading(mut self, given: &'static [Precondition]) -> Self {
        self.preconditions = Some(given);
        self
    }

    /// Returns the clause as one about these APIs for boxes.
    pub(crate) const fn of(mut self, boxes: Boxes) -> Self {
        self.boxes = Some(boxes);
        self
    }

    /// Returns the clause as one that says that something never happens.
    pub(crate) const fn never(mut self) -> Self {
        self.never = true;
        self
    }

    /// Returns the kinds of evidence as one text: `docs, client`.
    pub fn marks(&self) -> String {
        marks(self.evidence)
    }
}

/// Tells whether the evidence comes from others, and is not merely the project's own choice.
pub(crate) fn required(evidence: &[Evidence]) -> bool {
    evidence.iter().any(|mark| *mark != Evidence::Inferred)
}

/// Returns kinds of evidence as one text: `docs, client`.
pub(crate) fn marks(evidence: &[Evidence]) -> String {
    let marks: Vec<_> = evidence.iter().map(ToString::to_string).collect();
    marks.join(", ")
}

/// Creates a clause that requires no setting of the operator.
pub(crate) const fn clause(
    id: &'static str,
    title: &'static str,
    evidence: &'static [Evidence],
    check: Check,
) -> Clause {
    requiring(&[], id, title, evidence, check)
}

/// Creates a clause that can be checked only with certain settings of the operator.
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
        boxes: None,
        preconditions: None,
        never: false,
        check,
    }
}
