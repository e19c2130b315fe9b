//! Puts observations to the rules, and turns the verdicts into reports.

use super::{
    observation::Observation,
    rule::{Profile, Rule},
    rules,
    scenario::Scenario,
};
use crate::{
    failure::Verdict,
    report::{ClauseReport, Detail, Status},
    run::filter,
    safety::secrets::Secrets,
};

/// Which rules are put to an uploader, and how severely it is judged.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the uploader claims to be.
    pub profile: Profile,
    /// Parts of ids; a rule is asked when its id has one of them, and every rule when there are none.
    pub filters: Vec<String>,
    /// Whether a difference is a failure.
    pub strict: bool,
}

/// A report for each rule, over all that was observed. A rule must hold in every scenario; one that no scenario gave an
/// occasion for is disabled, and not passed.
pub fn judge(observed: &[Observation], options: &Options) -> Vec<ClauseReport> {
    let secrets = secrets(observed);
    rules::all()
        .map(|rule| {
            let (status, detail) = weigh(rule, observed, options);
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
            // It is the emulator's, which hands out no more than one path at a time.
            let _ = secrets.learn_reply(&reply.body);
        }
    }
    secrets
}

fn weigh(rule: &Rule, observed: &[Observation], options: &Options) -> (Status, Detail) {
    if !filter::chooses(&options.filters, rule.id) {
        return (Status::Skip, Detail::Nothing);
    }
    if !rule.binds(options.profile) {
        let detail = "needs --profile post-processor: a script may do otherwise";
        return (Status::Disabled, Detail::Note(detail.to_owned()));
    }
    let seen = observed.iter().filter_map(|observed| {
        let verdict = (rule.check)(observed)?;
        Some((observed.scenario, verdict))
    });
    let seen: Vec<_> = seen.collect();
    if seen.is_empty() {
        let detail = "no occasion: nothing was sent that it speaks of";
        return (Status::Disabled, Detail::Note(detail.to_owned()));
    }
    let details: Vec<_> = seen.into_iter().filter_map(told).collect();
    if details.is_empty() {
        return (Status::Pass, Detail::Nothing);
    }
    let status = match rule.required() || options.strict {
        true => Status::Fail,
        false => Status::Difference,
    };
    (status, Detail::Note(details.join("\n")))
}

/// What is wrong in a scenario, if anything is.
fn told((scenario, verdict): (Scenario, Verdict)) -> Option<String> {
    let failure = verdict.err()?;
    Some(format!("scenario  {scenario}\n{failure}"))
}
