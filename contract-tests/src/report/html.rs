//! This module writes a report as one HTML page. The page loads nothing and runs no script: radio buttons and CSS
//! select the clauses that are shown.

use super::{ClauseReport, Detail, Report, Status, markup::Element, seconds};

const STYLE: &str = include_str!("page.css");

pub(super) fn write(report: &Report) -> String {
    let head = Element::new("head")
        .child(Element::new("meta").attribute("charset", "utf-8"))
        .child(
            Element::new("meta")
                .attribute("name", "viewport")
                .attribute("content", "width=device-width, initial-scale=1"),
        )
        .child(Element::new("title").text(format!("Contract of {}", report.server)))
        .child(Element::new("style").verbatim(STYLE));
    let page = Element::new("html")
        .attribute("lang", "en")
        .child(head)
        .child(body(report));
    format!("<!doctype html>\n{page}\n")
}

fn body(report: &Report) -> Element {
    let clauses = report.clauses.iter().map(clause);
    Element::new("body")
        .child(Element::new("h1").text(format!("Contract of {}", report.server)))
        .child(facts(report))
        .child(choice("all", report.clauses.len(), true))
        .children(Status::ALL.map(|status| choice(status, report.summary.count(status), false)))
        .child(Element::new("main").children(clauses))
}

fn facts(report: &Report) -> Element {
    let slowest: Vec<_> = report
        .slowest()
        .iter()
        .map(|it| format!("{} ({})", it.id, seconds(it.milliseconds)))
        .collect();
    let strict = if report.strict { "yes" } else { "no" };
    let facts = [
        ("Namespace", report.namespace.clone()),
        ("Run", report.run_prefix.clone()),
        ("Started", report.started.clone()),
        ("Took", seconds(report.milliseconds)),
        ("Slowest", slowest.join(", ")),
        ("Strict", strict.to_owned()),
        ("Suite", report.suite.clone()),
    ];
    pairs(facts)
}

/// Returns a radio button that shows only the clauses of one status; the style sheet finds it by its id.
fn choice(status: impl std::fmt::Display, count: usize, checked: bool) -> Element {
    let id = format!("show-{status}");
    let button = Element::new("input")
        .attribute("type", "radio")
        .attribute("name", "show")
        .attribute("id", &id);
    let button = if checked {
        button.attribute("checked", "checked")
    } else {
        button
    };
    let label = Element::new("label")
        .attribute("for", id)
        .text(format!("{status} {count}"));
    Element::new("span")
        .attribute("class", "choice")
        .child(button)
        .child(label)
}

fn clause(clause: &ClauseReport) -> Element {
    let summary = Element::new("summary")
        .child(Element::new("b").text(clause.status))
        .child(Element::new("code").text(&clause.id))
        .child(Element::new("span").text(&clause.title));
    let facts = [
        ("Evidence", clause.evidence.join(", ")),
        ("Took", seconds(clause.milliseconds)),
    ];
    let details = Element::new("details").attribute("class", clause.status);
    let details = match clause.status {
        Status::Fail | Status::Error | Status::Difference => details.attribute("open", "open"),
        Status::Pass | Status::Disabled | Status::Skip => details,
    };
    details
        .child(summary)
        .child(pairs(facts))
        .children(detail(&clause.detail))
}

fn detail(detail: &Detail) -> Option<Element> {
    let text = |text: &str| Element::new("pre").text(text);
    match detail {
        Detail::Nothing => None,
        Detail::Note(note) => Some(text(note)),
        Detail::Violation(violation) => {
            let lines = violation.lines().into_iter();
            let lines = lines.flat_map(|(name, line)| {
                [
                    Element::new("dt").text(name),
                    Element::new("dd").child(text(line)),
                ]
            });
            Some(Element::new("dl").children(lines))
        }
    }
}

fn pairs<const N: usize>(pairs: [(&'static str, String); N]) -> Element {
    let pairs = pairs.into_iter().flat_map(|(name, value)| {
        [
            Element::new("dt").text(name),
            Element::new("dd").text(value),
        ]
    });
    Element::new("dl").children(pairs)
}
