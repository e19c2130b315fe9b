//! A rule is one statement of the contract about uploaders, with its evidence and its check.

use clap::ValueEnum;

use super::observation::Observation;
use crate::{
    failure::Verdict,
    report::{ClauseReport, Detail, Status},
    suite::clause::{self, Evidence},
};

/// What an uploader claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Anything that pushes, a shell script say: only what a server or those who download rely on.
    Any,
    /// A successor of Packer's post-processor: everything that it did, in its order.
    PostProcessor,
}

/// What is seen of a rule; `None` when there was no occasion to keep or to break it.
pub type Check = fn(&Observation) -> Option<Verdict>;

/// One statement of the contract about uploaders.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Stable and unique, `client.statement`; at most 30 characters.
    pub id: &'static str,
    /// The statement, in the words of the contract.
    pub title: &'static str,
    /// How it is known; never empty.
    pub evidence: &'static [Evidence],
    /// Whom it binds: [`Profile::Any`] is everybody.
    pub profile: Profile,
    /// How it is seen.
    pub check: Check,
}

impl Rule {
    /// Whether an uploader that does otherwise fails: what is merely our choice makes only a difference.
    pub fn required(&self) -> bool {
        clause::required(self.evidence)
    }

    /// The marks as one text: `docs, client`.
    pub fn marks(&self) -> String {
        clause::marks(self.evidence)
    }

    /// Whether the rule is for uploaders of this profile.
    pub fn binds(&self, profile: Profile) -> bool {
        self.profile == Profile::Any || self.profile == profile
    }

    /// The report of the rule. What takes time is the uploader.
    pub(super) fn report(&self, status: Status, detail: Detail) -> ClauseReport {
        ClauseReport {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            evidence: self.evidence.iter().map(ToString::to_string).collect(),
            status,
            milliseconds: 0,
            detail,
        }
    }
}

/// A rule for everybody.
pub(super) const fn rule(
    id: &'static str,
    title: &'static str,
    evidence: &'static [Evidence],
    check: Check,
) -> Rule {
    Rule {
        id,
        title,
        evidence,
        profile: Profile::Any,
        check,
    }
}

/// A rule that a script may break, and no successor of the post-processor.
pub(super) const fn post_processor(
    id: &'static str,
    title: &'static str,
    evidence: &'static [Evidence],
    check: Check,
) -> Rule {
    Rule {
        profile: Profile::PostProcessor,
        ..rule(id, title, evidence, check)
    }
}

/// A statement about each of several things; without one there is no occasion.
pub(super) fn each<T>(
    things: impl IntoIterator<Item = T>,
    check: impl FnMut(T) -> Verdict,
) -> Option<Verdict> {
    let mut things = things.into_iter().peekable();
    things.peek().is_some().then(|| things.try_for_each(check))
}
