//! This module checks observations against the rules, and turns the verdicts into reports.

use super::{
    observation::Observation,
    rule::{Profile, Rule},
    rules,
    scenario::Scenario,
};
use crate::{
    failure::CheckResult,
    report::{ClauseReport, Detail, Status},
    run::filter,
    safety::secrets::Secrets,
};

/// The options of a judgement: which rules are checked, and how strictly.
#[derive(Debug, Clone)]
pub struct Options {
    /// The profile that the uploader claims.
    pub profile: Profile,
    /// Parts of ids; a rule is checked when its id contains one of them, and every rule when there are none.
    pub filters: Vec<String>,
    /// Whether a difference is a failure.
    pub strict: bool,
}

/// Returns a report for each rule, over all observations. A rule must hold in every scenario. A rule that applied in
/// no scenario is disabled, not passed.
pub fn judge(observed: &[Observation], options: &Options) -> Vec<ClauseReport> {
    let secrets = secrets(observed);
    rules::all()
        .map(|rule| {
            let (status, detail) = outcome_of(rule, observed, options);
            rule.report(status, detail.map(|text| secrets.redact(text)))
        })
        .collect()
}

fn secrets(observed: &[Observation]) -> Secrets {
    let secrets = Secrets::default();
    for observed in observed {
        secrets.add(&observed.token, "[token]");
        for reply in observed
            .transactions
            .iter()
            .filter_map(|it| it.reply.as_ref())
        {
            // This fails for a reply with too many secrets; the emulator's replies have at most one upload path.
            let _ = secrets.learn_reply(&reply.body);
        }
    }
    secrets
}

fn outcome_of(rule: &Rule, observed: &[Observation], options: &Options) -> (Status, Detail) {
    if !filter::chooses(&options.filters, rule.id) {
        return (Status::Skip, Detail::Nothing);
    }
    if !rule.binds(options.profile) {
        let detail = "needs --profile post-processor: the rule does not bind a script";
        return (Status::Disabled, Detail::Note(detail.to_owned()));
    }
    let verdicts = observed.iter().filter_map(|observed| {
        let verdict = (rule.check)(observed)?;
        Some((observed.scenario, verdict))
    });
    let verdicts: Vec<_> = verdicts.collect();
    if verdicts.is_empty() {
        let detail = "no occasion: no request that the rule is about was sent";
        return (Status::Disabled, Detail::Note(detail.to_owned()));
    }
    let details: Vec<_> = verdicts.into_iter().filter_map(describe).collect();
    if details.is_empty() {
        return (Status::Pass, Detail::Nothing);
    }
    let status = match rule.required() || options.strict {
        true => Status::Fail,
        false => Status::Difference,
    };
    (status, Detail::Note(details.join("\n")))
}

/// Returns a description of the failure in a scenario, or `None` if the rule holds.
fn describe((scenario, verdict): (Scenario, CheckResult)) -> Option<String> {
    let failure = verdict.err()?;
    Some(format!("scenario  {scenario}\n{failure}"))
}
