//! The self-test tests the suite itself: every [`Mutant`] must be killed by its own clause, and every clause must kill
//! a mutant of its own.
//!
//! A clause kills a mutant if its outcome is [`Status::Fail`] in a strict run; a clause without a verdict kills
//! nothing. The [`mutants`] are wrong servers: a [`proxy`] before a correct emulator changes requests and replies.

pub mod mutants;
pub mod proxy;

use std::{fmt, num::NonZeroUsize, thread};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value, json};

use crate::{
    report::{ClauseReport, Status},
    run::{
        Options, Run, RunError,
        filter::{self, NothingMatches},
        flakiness::VIOLATIONS_REQUIRED,
        settings::TargetError,
        target::Target,
    },
    suite::{clause::Clause, clauses},
};
use mutants::Mutant;
use proxy::{Interceptor, PassThrough, Proxy};

/// The largest number of clauses that are named in the line of a mutant; the others are counted.
const MAX_LISTED: usize = 4;

/// The clauses and mutants of a self-test, and its options.
#[derive(Clone)]
pub struct SelfTest {
    /// The clauses that must kill one of the mutants.
    pub clauses: Vec<&'static Clause>,
    /// The mutants that must be killed.
    pub mutants: Vec<Mutant>,
    /// Whether each mutant is checked only by its own clause, which is enough for the verdict.
    pub quick: bool,
    /// The number of mutants that are checked at a time; 0 counts as 1.
    pub jobs: usize,
}

/// The reason why a self-test was not completed.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// A server did not start.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A run against a server did not start.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// The outcomes of all clauses for all mutants.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// The reports of all clauses for a proxy that changes nothing.
    pub baseline: Vec<ClauseReport>,
    /// A row for each mutant; empty if the baseline has a clause that does not pass.
    pub rows: Vec<Row>,
    clauses: Vec<&'static str>,
}

/// The outcomes of all clauses for one mutant.
#[derive(Debug, Clone)]
pub struct Row {
    /// The mutant.
    pub mutant: Mutant,
    /// The reports of the clauses.
    pub reports: Vec<ClauseReport>,
}

impl SelfTest {
    /// Chooses the clauses and mutants whose ids contain one of these parts, or all if there are no parts.
    ///
    /// # Errors
    /// Fails when a part is in no id.
    pub fn chosen(parts: &[String]) -> Result<Self, NothingMatches> {
        let clauses = clauses::all().map(|it| it.id.to_owned());
        let ids = clauses.chain(mutants::all().map(Mutant::id));
        filter::each_matches(parts, "clause or mutant", ids)?;
        let chosen = |id: &str| filter::chooses(parts, id);
        Ok(Self {
            clauses: clauses::all().filter(|it| chosen(it.id)).collect(),
            mutants: mutants::all()
                .filter(|it| chosen(&it.id()))
                .copied()
                .collect(),
            quick: false,
            jobs: thread::available_parallelism().map_or(1, NonZeroUsize::get),
        })
    }

    /// Checks a correct server and then the mutants. Calls `tell` for each mutant, in their order, as soon as its row
    /// is known.
    ///
    /// # Errors
    /// Fails when a server does not start or cannot be reached.
    pub async fn run(&self, mut tell: impl FnMut(&Row)) -> Result<Matrix, SelfTestError> {
        let mut matrix = Matrix {
            baseline: judge(PassThrough, NonZeroUsize::MIN, Vec::new()).await?,
            rows: Vec::new(),
            clauses: self.clauses.iter().map(|clause| clause.id).collect(),
        };
        if !matrix.unfit().is_empty() {
            return Ok(matrix);
        }
        let rows = stream::iter(&self.mutants).map(|mutant| self.row(mutant));
        let mut rows = rows.buffered(self.jobs.max(1));
        while let Some(row) = rows.try_next().await? {
            tell(&row);
            matrix.rows.push(row);
        }
        Ok(matrix)
    }

    async fn row(&self, mutant: &Mutant) -> Result<Row, SelfTestError> {
        // A flaky mutant gives few wrong answers. With several clauses it would be chance which one gets them.
        let own = (self.quick || mutant.flaky).then(|| mutant.clause.to_owned());
        // A mutant that is wrong in the same way each time needs no repeated checks.
        let violations_required = if mutant.flaky {
            VIOLATIONS_REQUIRED
        } else {
            NonZeroUsize::MIN
        };
        Ok(Row {
            mutant: *mutant,
            reports: judge(
                (mutant.interceptor)(),
                violations_required,
                own.into_iter().collect(),
            )
            .await?,
        })
    }
}

impl Matrix {
    /// Returns the reports of the clauses that do not pass with the correct server.
    pub fn unfit(&self) -> Vec<&ClauseReport> {
        let baseline = self.baseline.iter();
        baseline.filter(|it| it.status != Status::Pass).collect()
    }

    /// Returns the mutants that their own clauses did not kill.
    pub fn survivors(&self) -> Vec<&Mutant> {
        let alive = self.rows.iter().filter(|row| !row.killed());
        alive.map(|row| &row.mutant).collect()
    }

    /// Returns the clauses that killed no mutant of their own.
    pub fn idle_clauses(&self) -> Vec<&'static str> {
        let kills = |id: &str| {
            let mut rows = self.rows.iter();
            rows.any(|row| row.mutant.clause == id && row.killed())
        };
        let clauses = self.clauses.iter().copied();
        clauses.filter(|id| !kills(id)).collect()
    }

    /// Returns the matrix as `{"baseline": {CLAUSE: STATUS}, "mutants": [{"clause", "name", "title", "killed",
    /// "statuses"}], "survivors": [MUTANT], "idle_clauses": [CLAUSE]}`, where `statuses` is like `baseline`.
    pub fn to_json(&self) -> Value {
        let survivors = self.survivors().into_iter();
        json!({
            "baseline": statuses(&self.baseline),
            "mutants": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "survivors": survivors.map(Mutant::id).collect::<Vec<_>>(),
            "idle_clauses": self.idle_clauses(),
        })
    }

    /// Tells whether the correct server passes, no mutant survives and no clause is idle.
    pub fn holds(&self) -> bool {
        self.unfit().is_empty() && self.survivors().is_empty() && self.idle_clauses().is_empty()
    }
}

impl Row {
    /// Tells whether the mutant's own clause failed.
    pub fn killed(&self) -> bool {
        let own = self.mutant.clause;
        let mut noticed = self.with(Status::Fail);
        noticed.any(|id| id == own)
    }

    /// Returns the other clauses that failed.
    pub fn others(&self) -> Vec<&str> {
        let own = self.mutant.clause;
        self.with(Status::Fail).filter(|id| *id != own).collect()
    }

    /// Returns the clauses without a verdict.
    pub fn undecided(&self) -> Vec<&str> {
        self.with(Status::Error).collect()
    }

    fn to_json(&self) -> Value {
        let Mutant {
            clause,
            name,
            title,
            ..
        } = self.mutant;
        json!({
            "clause": clause,
            "name": name,
            "title": title,
            "killed": self.killed(),
            "statuses": statuses(&self.reports),
        })
    }

    fn with(&self, status: Status) -> impl Iterator<Item = &str> {
        let reports = self.reports.iter();
        reports
            .filter(move |it| it.status == status)
            .map(|it| it.id.as_str())
    }
}

/// Shows in one line whether the mutant was killed, and which other clauses failed or had no verdict. For a survivor,
/// two more lines show its fault and the outcome of its clause.
impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.killed() { "killed" } else { "survived" };
        let notes = [
            listed("also noticed by", &self.others()),
            listed("no verdict:", &self.undecided()),
        ]
        .concat();
        let line = format!("{verdict:<8}  {:<44}{notes}", self.mutant.id());
        out.write_str(line.trim_end())?;
        if !self.killed() {
            write!(out, "\n          {}", self.mutant.title)?;
            let mut reports = self.reports.iter();
            let own = reports.find(|it| it.id == self.mutant.clause);
            own.map_or(Ok(()), |own| write!(out, "\n{own}"))?;
        }
        Ok(())
    }
}

/// Shows each clause that the correct server does not pass, each idle clause, and the totals.
impl fmt::Display for Matrix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in self.unfit() {
            writeln!(out, "the correct server fails\n{report}")?;
        }
        let (survivors, idle) = (self.survivors(), self.idle_clauses());
        for id in &idle {
            writeln!(out, "idle      {id}")?;
        }
        write!(
            out,
            "{} mutants: {} killed, {} survived; {} clauses: {} kill, {} idle",
            self.rows.len(),
            self.rows.len() - survivors.len(),
            survivors.len(),
            self.clauses.len(),
            self.clauses.len() - idle.len(),
            idle.len()
        )
    }
}

/// Returns a label and the ids, of which at most [`MAX_LISTED`] are named; empty without ids.
fn listed(what: &str, ids: &[&str]) -> String {
    let (named, more) = ids.split_at(ids.len().min(MAX_LISTED));
    let named = named.join(", ");
    match (named.is_empty(), more.len()) {
        (true, _) => String::new(),
        (_, 0) => format!("  {what} {named}"),
        (_, more) => format!("  {what} {named} and {more} more"),
    }
}

fn statuses(reports: &[ClauseReport]) -> Map<String, Value> {
    let pair = |it: &ClauseReport| (it.id.to_owned(), it.status.to_string().into());
    reports.iter().map(pair).collect()
}

async fn judge(
    interceptor: impl Interceptor,
    violations_required: NonZeroUsize,
    filters: Vec<String>,
) -> Result<Vec<ClauseReport>, SelfTestError> {
    let proxy = Proxy::start(interceptor).await?;
    // Several mutants are checked at a time, which keeps all cores busy.
    let options = Options {
        filters,
        strict: true,
        jobs: NonZeroUsize::MIN,
        violations_required,
    };
    let run = Run::start(Target::new(proxy.settings())?, options).await?;
    Ok(run.judge_all(|_| {}).await)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        report::Detail,
        suite::clause::{Evidence, clause},
    };

    fn report(status: Status) -> ClauseReport {
        let clause = clause("a.b", "", &[Evidence::Docs], |_| Box::pin(async { Ok(()) }));
        ClauseReport::new(&clause, status, Detail::Nothing, Duration::ZERO)
    }

    #[test]
    fn a_suite_that_the_correct_server_does_not_pass_proves_nothing() {
        let matrix = |status| Matrix {
            baseline: vec![report(Status::Pass), report(status)],
            rows: Vec::new(),
            clauses: Vec::new(),
        };
        assert!(matrix(Status::Pass).holds());
        for status in [Status::Fail, Status::Error, Status::Disabled] {
            assert!(!matrix(status).holds(), "{status}");
            let text = matrix(status).to_string();
            assert!(text.starts_with("the correct server fails\n"), "{text}");
        }
    }

    #[test]
    fn only_so_many_clauses_are_named_and_the_rest_is_counted() {
        let ids = ["a", "b", "c", "d", "e", "f"];
        assert_eq!(listed("by", &[]), "");
        assert_eq!(listed("by", &ids[..4]), "  by a, b, c, d");
        assert_eq!(listed("by", &ids), "  by a, b, c, d and 2 more");
    }
}
