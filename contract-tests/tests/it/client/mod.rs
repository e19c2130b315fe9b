//! The tests judge uploaders by the requests that they send to a recording server.

mod boxes;
mod command;
mod recordings;
mod rules;
mod wrong_uploaders;

use std::collections::BTreeSet;

use atlas_contract_tests::{
    client::{
        judge::{Options, judge},
        observation::Observation,
        rule::Profile,
        rules as all_rules,
    },
    report::{ClauseReport, Status},
};

fn judged(observed: &[Observation], profile: Profile) -> Vec<ClauseReport> {
    let options = Options {
        profile,
        filters: Vec::new(),
        strict: false,
    };
    judge(observed, &options)
}

fn with(reports: &[ClauseReport], status: Status) -> BTreeSet<&str> {
    let reports = reports.iter().filter(|it| it.status == status);
    reports.map(|it| it.id.as_str()).collect()
}

/// Returns the rules for those who push artifacts.
fn rules_of_artifacts() -> impl Iterator<Item = &'static str> {
    let ids = all_rules::all().map(|rule| rule.id);
    ids.filter(|id| !id.starts_with("client.box"))
}

/// Asserts that every rule passed or was disabled.
fn assert_kept(reports: &[ClauseReport]) {
    let wrong = reports.iter();
    let wrong = wrong.filter(|it| !matches!(it.status, Status::Pass | Status::Disabled));
    let wrong: Vec<_> = wrong.map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
