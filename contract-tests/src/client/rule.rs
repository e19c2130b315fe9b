//! A rule is one statement of the contract about uploaders, with its evidence and its check.

use clap::ValueEnum;

use super::observation::Observation;
use crate::{
    failure::CheckResult,
    report::{ClauseReport, Detail, Status},
    suite::clause::{self, Evidence},
};

/// The kind of uploader that a command claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Any uploader, such as a shell script: it keeps the rules that servers and downloads rely on.
    Any,
    /// A successor of Packer's post-processor: it keeps every rule, also on the order of steps.
    PostProcessor,
}

/// A check of a rule. It returns `None` when the rule did not apply to the run.
pub type Check = fn(&Observation) -> Option<CheckResult>;

/// One statement of the contract about uploaders.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The stable and unique id, `client.statement`, of at most 30 characters.
    pub id: &'static str,
    /// The statement, in the words of the contract.
    pub title: &'static str,
    /// The evidence; never empty.
    pub evidence: &'static [Evidence],
    /// The profile that the rule binds; [`Profile::Any`] means every uploader.
    pub profile: Profile,
    /// The check.
    pub check: Check,
}

impl Rule {
    /// Tells whether a violation is a failure. A violation of a rule that is only inferred is a difference.
    pub fn required(&self) -> bool {
        clause::required(self.evidence)
    }

    /// Returns the marks of the evidence as one text: `docs, client`.
    pub fn marks(&self) -> String {
        clause::marks(self.evidence)
    }

    /// Tells whether the rule binds uploaders of this profile.
    pub fn binds(&self, profile: Profile) -> bool {
        self.profile == Profile::Any || self.profile == profile
    }

    /// Returns the report of the rule, with a duration of 0: only the uploader takes time.
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

/// Creates a rule that binds every uploader.
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

/// Creates a rule that binds only successors of the post-processor.
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

/// Checks each item, or returns `None` if there are no items.
pub(super) fn each<T>(
    items: impl IntoIterator<Item = T>,
    check: impl FnMut(T) -> CheckResult,
) -> Option<CheckResult> {
    let mut items = items.into_iter().peekable();
    items.peek().is_some().then(|| items.try_for_each(check))
}
