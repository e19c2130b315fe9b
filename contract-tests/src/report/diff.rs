//! Compares two reports: of two servers, or of one before and after a change.

use std::{collections::HashMap, fmt};

use serde::Serialize;

use crate::{
    failure::Violation,
    report::{ClauseReport, Detail, Report, Status},
    text::plain,
};

/// A clause that did not end the same in both reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The clause's id.
    pub id: String,
    /// How it ended in the first report, if it is there.
    pub first: Option<Outcome>,
    /// How it ended in the second report, if it is there.
    pub second: Option<Outcome>,
}

/// How a clause ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The outcome.
    pub status: Status,
    /// What was told beside it.
    pub detail: Detail,
}

/// The clauses that ended differently, those of the first report in its order, then those of the second alone.
///
/// What must differ from run to run does not count: the server's address, the namespace, the names of the run, and how
/// long anything took.
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

/// The detail without what must differ from run to run.
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
            // A namespace may be a common word, and is one of these only here.
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

/// A long reply was cut, and where depends on the length of the names in it: what stands near the cut does not count.
fn came_alike(first: &str, second: &str) -> bool {
    const NEAR: usize = 100;
    let (Some(one), Some(other)) = (first.strip_suffix('…'), second.strip_suffix('…')) else {
        return first == second;
    };
    let pairs = one.chars().zip(other.chars());
    let common = pairs.take_while(|(one, other)| one == other).count();
    common + NEAR >= one.chars().count().min(other.chars().count())
}

/// The id, and beneath it both outcomes.
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
