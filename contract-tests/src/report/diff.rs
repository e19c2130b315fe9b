//! This module compares two reports: of two servers, or of one server before and after a change.

use std::{collections::HashMap, fmt};

use serde::Serialize;

use crate::{
    failure::Violation,
    report::{ClauseReport, Detail, Report, Status},
    text::plain,
};

/// A clause with different outcomes in two reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The clause's id.
    pub id: String,
    /// The outcome in the first report, if it has the clause.
    pub first: Option<Outcome>,
    /// The outcome in the second report, if it has the clause.
    pub second: Option<Outcome>,
}

/// The outcome of a clause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The status.
    pub status: Status,
    /// The explanation of the status.
    pub detail: Detail,
}

/// Returns the clauses with different outcomes: first those of the first report, in its order, then those that only
/// the second report has.
///
/// Values that differ between any two runs are ignored: the server's address, the namespace, the names of the run, and
/// all durations.
pub fn changes(first: &Report, second: &Report) -> Vec<Change> {
    let (firsts, seconds) = (by_id(first), by_id(second));
    let only_second = second
        .clauses
        .iter()
        .filter(|clause| !firsts.contains_key(&*clause.id));
    first
        .clauses
        .iter()
        .chain(only_second)
        .filter_map(|clause| {
            let (a, b) = (firsts.get(&*clause.id), seconds.get(&*clause.id));
            let same = match (a, b) {
                (Some(a), Some(b)) => {
                    a.status == b.status && alike(&neutral(a, first), &neutral(b, second))
                }
                _ => false,
            };
            let outcome = |clause: &&ClauseReport| Outcome {
                status: clause.status,
                detail: clause.detail.clone(),
            };
            (!same).then(|| Change {
                id: clause.id.clone(),
                first: a.map(outcome),
                second: b.map(outcome),
            })
        })
        .collect()
}

fn by_id(report: &Report) -> HashMap<&str, &ClauseReport> {
    let clauses = report.clauses.iter();
    clauses.map(|clause| (&*clause.id, clause)).collect()
}

/// Returns the detail without the values that differ between any two runs.
fn neutral(clause: &ClauseReport, report: &Report) -> Detail {
    let Report {
        server,
        namespace,
        run_prefix,
        ..
    } = report;
    clause.detail.clone().map(|text| {
        text.replace(server, "[server]")
            .replace(run_prefix, "[run]")
            // A namespace may be a common word, so it is replaced only where it stands in a path or begins a JSON
            // string.
            .replace(&format!("/{namespace}/"), "/[namespace]/")
            .replace(&format!("\"{namespace}"), "\"[namespace]")
    })
}

fn alike(first: &Detail, second: &Detail) -> bool {
    match (first, second) {
        (Detail::Violation(first), Detail::Violation(second)) => {
            let request =
                |violation: &Violation| violation.sent.as_ref().map(|sent| sent.request.clone());
            first.expected == second.expected
                && request(first) == request(second)
                && came_alike(&first.came, &second.came)
        }
        _ => first == second,
    }
}

/// Tells whether two replies are alike. Where a long reply was cut depends on the length of the names in it, so the
/// text near the cut is not compared.
fn came_alike(first: &str, second: &str) -> bool {
    const NEAR: usize = 100;
    let (Some(one), Some(other)) = (first.strip_suffix('…'), second.strip_suffix('…')) else {
        return first == second;
    };
    let pairs = one.chars().zip(other.chars());
    let common = pairs.take_while(|(one, other)| one == other).count();
    common + NEAR >= one.chars().count().min(other.chars().count())
}

/// Shows the id, with both outcomes below.
impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.id)?;
        for (sign, outcome) in [('-', &self.first), ('+', &self.second)] {
            match outcome {
                None => write!(out, "\n  {sign} not in the report")?,
                Some(Outcome { status, detail }) => {
                    write!(out, "\n  {sign} {status}")?;
                    for line in detail.to_string().lines() {
                        write!(out, "\n    {}", plain(line))?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_replies_are_alike_up_to_where_one_was_cut_perhaps_within_a_name() {
        let body = "x".repeat(500);
        assert!(came_alike(
            &format!("{body}contract-0a…"),
            &format!("{body}[run]name…")
        ));
        assert!(!came_alike(&format!("y{body}…"), &format!("{body}…")));
        assert!(!came_alike("short…", "short"));
        assert!(!came_alike(&body, &body[1..]));
    }
}
