//! A report contains the outcome of each clause of a run, and their summary.
//!
//! It is written in three [`Form`]s: [`json`], which can be read back, `junit` and `html`, which are built with
//! `markup`. A [`draft`] writes a file atomically, and [`diff`] compares two reports. A terminal shows the `Display`
//! of the parts.

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

/// The number of slowest clauses that are named.
const SLOWEST: usize = 5;

/// The outcome of a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The clause holds.
    Pass,
    /// The server violates a clause that is required, or any clause in a strict run.
    Fail,
    /// The server violates a clause that is only inferred, or adds something that breaks no client.
    Difference,
    /// The filter excludes the clause.
    Skip,
    /// The clause needs a setting that the operator has not given.
    Disabled,
    /// There is no verdict: the suite failed, the server is unstable, or it could not be reached.
    Error,
}

impl Status {
    /// All outcomes, the most serious first.
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

/// The explanation of a clause's status, without secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Detail {
    /// No explanation.
    #[default]
    Nothing,
    /// A text that belongs to no single reply.
    Note(String),
    /// The expected reply and the actual one.
    Violation(Box<Violation>),
}

impl Detail {
    /// Tells whether there is no explanation.
    pub fn is_empty(&self) -> bool {
        *self == Self::Nothing
    }

    /// Returns the detail with `change` applied to all its texts.
    pub(crate) fn map(self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Note(text) => Self::Note(change(&text)),
            Self::Violation(violation) => Self::Violation(Box::new(violation.map(change))),
        }
    }

    /// Returns the detail in one line.
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

/// The report of one clause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClauseReport {
    /// The clause's id.
    pub id: String,
    /// The clause's statement.
    pub title: String,
    /// The evidence for the statement, as marks of the contract.
    pub evidence: Vec<String>,
    /// The outcome.
    pub status: Status,
    /// The duration of the check.
    pub milliseconds: u64,
    /// The explanation of the outcome.
    pub detail: Detail,
}

impl ClauseReport {
    /// Creates the report of a clause.
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

/// Shows the clause in one line, with its detail below.
impl fmt::Display for ClauseReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:<10}  {:<30}  {}", self.status, self.id, self.title)?;
        for line in self.detail.to_string().lines() {
            write!(out, "\n            {}", plain(line))?;
        }
        Ok(())
    }
}

/// The report of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The version of the format, [`json::FORMAT`].
    pub format: u64,
    /// The version of the suite.
    pub suite: String,
    /// The server's address, without `/api/v1`.
    pub server: String,
    /// The user or organisation under which artifacts were made.
    pub namespace: String,
    /// The prefix of all names that the run made.
    pub run_prefix: String,
    /// The time at which the run began: RFC 3339, in UTC.
    pub started: String,
    /// The duration of the run.
    pub milliseconds: u64,
    /// Whether differences were failures.
    pub strict: bool,
    /// The number of clauses with each outcome.
    pub summary: Summary,
    /// All clauses, in the order of the table.
    pub clauses: Vec<ClauseReport>,
}

/// The parameters of a run that its report names.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The server's address, without `/api/v1`.
    pub server: &'a str,
    /// The user or organisation under which artifacts are made.
    pub namespace: &'a str,
    /// The prefix of all names that the run makes.
    pub run_prefix: &'a str,
    /// Whether differences are failures.
    pub strict: bool,
}

/// The start of a run.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    time: OffsetDateTime,
    clock: Instant,
}

impl Start {
    /// Returns the start of a run that begins now.
    pub fn now() -> Self {
        Self {
            time: OffsetDateTime::now_utc(),
            clock: Instant::now(),
        }
    }

    /// Returns the report of a run that ends now.
    pub fn report(self, about: About<'_>, clauses: Vec<ClauseReport>) -> Report {
        Report {
            format: json::FORMAT,
            suite: env!("CARGO_PKG_VERSION").to_owned(),
            server: about.server.to_owned(),
            namespace: about.namespace.to_owned(),
            run_prefix: about.run_prefix.to_owned(),
            // Formatting fails only for years beyond 9999.
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
    /// Returns the clauses that took longest, the slowest first.
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

    /// Returns the last lines of a run's output: the summary, the duration, and the slowest clauses.
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

/// A file format of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The complete report, for programs.
    Json,
    /// JUnit XML, for tools that show test results.
    Junit,
    /// A self-contained page for a browser.
    Html,
}

impl Form {
    /// Returns the report in this format.
    ///
    /// # Errors
    /// Fails when the report cannot be serialized.
    pub fn write(self, report: &Report) -> io::Result<String> {
        match self {
            Self::Json => json::write(report),
            Self::Junit => Ok(junit::write(report)),
            Self::Html => Ok(html::write(report)),
        }
    }
}

/// Returns a duration in the unit of the reports.
fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}
