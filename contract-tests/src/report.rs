//! What came out: a report for each clause, their summary, and the two forms in which both leave the program.

use std::{fmt, fs, io, path::Path, process};

use serde::Serialize;

use crate::clause::{Clause, Evidence};

/// The outcome of a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

/// What became of one clause.
#[derive(Debug, Clone, Serialize)]
pub struct ClauseReport {
    /// The clause's id.
    pub id: &'static str,
    /// The clause's statement.
    pub title: &'static str,
    /// How the statement is known.
    pub evidence: &'static [Evidence],
    /// The outcome.
    pub status: Status,
    /// What was expected and what came, without secrets; empty when there is nothing to tell.
    pub detail: String,
}

impl ClauseReport {
    /// The report of a clause.
    pub fn new(clause: &Clause, status: Status, detail: String) -> Self {
        Self {
            id: clause.id,
            title: clause.title,
            evidence: clause.evidence,
            status,
            detail,
        }
    }
}

/// A line for the clause, and its detail beneath it.
impl fmt::Display for ClauseReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:<10}  {:<30}  {}", self.status, self.id, self.title)?;
        for line in self.detail.lines() {
            write!(out, "\n            {line}")?;
        }
        Ok(())
    }
}

/// How many clauses had which outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Clauses that hold.
    pub passed: usize,
    /// Clauses that failed.
    pub failed: usize,
    /// Clauses the server answers otherwise, harmlessly.
    pub differences: usize,
    /// Clauses the filter left out.
    pub skipped: usize,
    /// Clauses nobody gave the facts for.
    pub disabled: usize,
    /// Clauses without a verdict.
    pub errors: usize,
}

impl Summary {
    /// Counts the reports.
    pub fn of(reports: &[ClauseReport]) -> Self {
        let count = |status| reports.iter().filter(|it| it.status == status).count();
        Self {
            passed: count(Status::Pass),
            failed: count(Status::Fail),
            differences: count(Status::Difference),
            skipped: count(Status::Skip),
            disabled: count(Status::Disabled),
            errors: count(Status::Error),
        }
    }

    /// The clauses that were put to the server.
    pub fn ran(&self) -> usize {
        self.passed + self.failed + self.differences + self.errors
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} ran: {} pass, {} fail, {} difference, {} error; not run: {} disabled, {} skip",
            self.ran(),
            self.passed,
            self.failed,
            self.differences,
            self.errors,
            self.disabled,
            self.skipped
        )
    }
}

/// Writes `{"clauses": [{"id", "title", "evidence", "status", "detail"}]}`, as [`write_document`] does.
///
/// # Errors
/// The file or the folder it is to stand in cannot be written.
pub fn write_json(file: &Path, reports: &[ClauseReport]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Document<'a> {
        clauses: &'a [ClauseReport],
    }
    write_document(file, &Document { clauses: reports })
}

/// Writes a document as JSON. The file appears whole or not at all.
///
/// # Errors
/// The file or the folder it is to stand in cannot be written.
pub fn write_document(file: &Path, document: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let draft = file.with_file_name(format!(".{}.{}", name.to_string_lossy(), process::id()));
    fs::write(&draft, text)
        .and_then(|()| fs::rename(&draft, file))
        .inspect_err(|_| {
            // The first error is the one to report; a draft that cannot be removed says nothing more.
            let _ = fs::remove_file(&draft);
        })
}
