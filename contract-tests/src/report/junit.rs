//! This module writes a report as JUnit XML: one suite, with a case for each clause.
//!
//! JUnit has four results of a case, and a report has six statuses. A difference becomes a case that passed, with its
//! detail in `system-out`; with `--strict` it is a failure. Disabled and skipped clauses are both `skipped`, and the
//! first word of the message distinguishes them.

use super::{ClauseReport, Report, Status, markup::Element};

const NAME: &str = "atlas-contract";

pub(super) fn write(report: &Report) -> String {
    let cases = report.clauses.iter().map(case);
    let suite = counted("testsuite", report)
        .attribute("skipped", report.summary.disabled + report.summary.skipped)
        .attribute("timestamp", local(&report.started))
        .child(properties(report))
        .children(cases);
    let suites = counted("testsuites", report).child(suite);
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{suites}\n")
}

fn counted(tag: &'static str, report: &Report) -> Element {
    Element::new(tag)
        .attribute("name", NAME)
        .attribute("tests", report.clauses.len())
        .attribute("failures", report.summary.failed)
        .attribute("errors", report.summary.errors)
        .attribute("time", seconds(report.milliseconds))
}

fn properties(report: &Report) -> Element {
    let strict = report.strict.to_string();
    let pairs = [
        ("suite", &report.suite),
        ("server", &report.server),
        ("namespace", &report.namespace),
        ("run_prefix", &report.run_prefix),
        ("strict", &strict),
    ];
    let property = |(name, value)| {
        Element::new("property")
            .attribute("name", name)
            .attribute("value", value)
    };
    Element::new("properties").children(pairs.map(property))
}

fn case(clause: &ClauseReport) -> Element {
    let area = clause.id.split('.').next().unwrap_or_default();
    let case = Element::new("testcase")
        .attribute("classname", format!("{NAME}.{area}"))
        .attribute("name", &clause.id)
        .attribute("time", seconds(clause.milliseconds));
    let problem = |tag| {
        Element::new(tag)
            .attribute("message", clause.detail.gist())
            .attribute("type", clause.status)
            .text(format!("{}\n{}", clause.title, clause.detail))
    };
    let skipped = |why: String| {
        let why = format!("{}: {why}", clause.status);
        Element::new("skipped").attribute("message", why)
    };
    match clause.status {
        Status::Pass => case,
        Status::Fail => case.child(problem("failure")),
        Status::Error => case.child(problem("error")),
        Status::Difference => {
            let detail = format!("difference: {}\n{}", clause.title, clause.detail);
            case.child(Element::new("system-out").text(detail))
        }
        Status::Disabled => case.child(skipped(clause.detail.gist())),
        Status::Skip => case.child(skipped("left out by the filter".to_owned())),
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

/// Returns the time without offset and fractions of a second, which the schema does not allow.
fn local(started: &str) -> &str {
    started
        .get(.."2026-01-31T12:00:00".len())
        .unwrap_or(started)
}
