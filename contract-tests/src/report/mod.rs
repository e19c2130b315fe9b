//! A report holds what came out of a run: the outcome of each clause, and their summary.
//!
//! It leaves the program in three [`Form`]s: [`json`], which can be read back, `junit` and `html`, both made of
//! `markup`. A [`draft`] writes a file as a whole or not at all, and [`diff`] compares two reports. A terminal shows
//! the `Display` of the parts.

pub mod diff;
pub mod draft;
mod html;
pub mod json;
mod junit;
mod markup;
mod summary;

use std::{
    fmt, io,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{failure::Violation, suite::clause::Clause, text::plain};

pub use summary::Summary;

/// How many of the slowest clauses are named.
const SLOWEST: usize = 5;

/// The outcome of a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The server keeps the clause.
    Pass,
    /// The server breaks a clause that is required, or any clause of a strict run.
    Fail,
    /// The server answers otherwise where the contract only infers, or adds what breaks no client.
    Difference,
    /// The filter leaves the clause out.
    Skip,
    /// The clause needs what only an operator knows, and nobody told.
    Disabled,
    /// There is no verdict: the suite broke, or the server could not be reached.
    Error,
}

impl Status {
    /// All of them, the gravest first.
    pub const ALL: [Self; 6] = [
        Self::Fail,
        Self::Error,
        Self::Difference,
        Self::Pass,
        Self::Disabled,
        Self::Skip,
    ];
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Difference => "difference",
            Self::Skip => "skip",
            Self::Disabled => "disabled",
            Self::Error => "error",
        })
    }
}

/// What is to be told of a clause beside its status, without secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Detail {
    /// Nothing.
    #[default]
    Nothing,
    /// Something that no single reply shows.
    Note(String),
    /// What was expected and what came.
    Violation(Box<Violation>),
}

impl Detail {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::Nothing
    }

    /// The same with all its texts changed.
    pub(crate) fn map(self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Note(text) => Self::Note(change(&text)),
            Self::Violation(violation) => Self::Violation(Box::new(violation.map(change))),
        }
    }

    /// What it comes to, in a line.
    fn gist(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Note(text) => text.lines().next().unwrap_or_default().to_owned(),
            Self::Violation(violation) => format!("expected {}", violation.expected),
        }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Note(text) => out.write_str(text),
            Self::Violation(violation) => violation.fmt(out),
        }
    }
}

/// What became of one clause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClauseReport {
    /// The clause's id.
    pub id: String,
    /// The clause's statement.
    pub title: String,
    /// How the statement is known: the marks of the contract.
    pub evidence: Vec<String>,
    /// The outcome.
    pub status: Status,
    /// How long it took to judge.
    pub milliseconds: u64,
    /// Why, where there is something to tell.
    pub detail: Detail,
}

impl ClauseReport {
    /// The report of a clause.
    pub fn new(clause: &Clause, status: Status, detail: Detail, took: Duration) -> Self {
        Self {
            id: clause.id.to_owned(),
            title: clause.title.to_owned(),
            evidence: clause.evidence.iter().map(ToString::to_string).collect(),
            status,
            milliseconds: milliseconds(took),
            detail,
        }
    }
}

/// A line for the clause, and its detail beneath it.
impl fmt::Display for ClauseReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:<10}  {:<30}  {}", self.status, self.id, self.title)?;
        for line in self.detail.to_string().lines() {
            write!(out, "\n            {}", plain(line))?;
        }
        Ok(())
    }
}

/// A run: what was judged, when, how, and what came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this form, [`json::FORMAT`].
    pub format: u64,
    /// The version of the suite.
    pub suite: String,
    /// The server's address, without `/api/v1`.
    pub server: String,
    /// The user or organisation below which artifacts were made.
    pub namespace: String,
    /// What the names of all that was made begin with.
    pub run_prefix: String,
    /// When the run began: RFC 3339, in UTC.
    pub started: String,
    /// How long the run took.
    pub milliseconds: u64,
    /// Whether a difference was a failure.
    pub strict: bool,
    /// How many clauses had which outcome.
    pub summary: Summary,
    /// All clauses, in the order of the table.
    pub clauses: Vec<ClauseReport>,
}

/// What was judged, and how.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The server's address, without `/api/v1`.
    pub server: &'a str,
    /// The user or organisation below which artifacts are made.
    pub namespace: &'a str,
    /// What the names of all that is made begin with.
    pub run_prefix: &'a str,
    /// Whether a difference is a failure.
    pub strict: bool,
}

/// When a run began.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    time: OffsetDateTime,
    clock: Instant,
}

impl Start {
    /// A run begins now.
    pub fn now() -> Self {
        Self {
            time: OffsetDateTime::now_utc(),
            clock: Instant::now(),
        }
    }

    /// The report of a run that ends now.
    pub fn report(self, about: About<'_>, clauses: Vec<ClauseReport>) -> Report {
        Report {
            format: json::FORMAT,
            suite: env!("CARGO_PKG_VERSION").to_owned(),
            server: about.server.to_owned(),
            namespace: about.namespace.to_owned(),
            run_prefix: about.run_prefix.to_owned(),
            // Empty for a time that has no such form, which no clock shows.
            started: self
                .time
                .truncate_to_second()
                .format(&Rfc3339)
                .unwrap_or_default(),
            milliseconds: milliseconds(self.clock.elapsed()),
            strict: about.strict,
            summary: Summary::of(&clauses),
            clauses,
        }
    }
}

impl Report {
    /// Those that took longest, the slowest first.
    pub fn slowest(&self) -> Vec<&ClauseReport> {
        let mut slowest: Vec<_> = self
            .clauses
            .iter()
            .filter(|it| it.milliseconds > 0)
            .collect();
        slowest.sort_by_key(|it| std::cmp::Reverse(it.milliseconds));
        slowest.truncate(SLOWEST);
        slowest
    }

    /// The last lines of a run: the summary, how long it took, and what took longest.
    pub fn conclusion(&self) -> String {
        let slowest: Vec<_> = self
            .slowest()
            .iter()
            .map(|it| format!("{} {}", it.id, seconds(it.milliseconds)))
            .collect();
        let took = format!("{}\n{} in all", self.summary, seconds(self.milliseconds));
        if slowest.is_empty() {
            return took;
        }
        format!("{took}; slowest: {}", slowest.join(", "))
    }
}

/// A form in which a report leaves the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All there is, for a program.
    Json,
    /// For whatever shows the results of tests.
    Junit,
    /// One page for a browser, with nothing outside of it.
    Html,
}

impl Form {
    /// The report in this form, as the text of a file.
    ///
    /// # Errors
    /// It has no such form.
    pub fn write(self, report: &Report) -> io::Result<String> {
        match self {
            Self::Json => json::write(report),
            Self::Junit => Ok(junit::write(report)),
            Self::Html => Ok(html::write(report)),
        }
    }
}

/// A time in the unit of the reports.
fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}
