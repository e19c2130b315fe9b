//! The self-test tries the suite itself: every [`Mutant`] must be killed by the clause that it is aimed at, and every
//! clause must kill one.
//!
//! A mutant is killed when its clause ends as [`Status::Fail`] in a strict run. A clause without a verdict kills
//! nothing. The [`mutants`] are wrong servers, made of a correct emulator by a [`proxy`].

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

/// So many clauses are named in the line of a mutant; the rest is counted.
const MAX_LISTED: usize = 4;

/// What is put on trial.
#[derive(Clone)]
pub struct SelfTest {
    /// The clauses that must kill one of the mutants.
    pub clauses: Vec<&'static Clause>,
    /// The mutants that must be killed.
    pub mutants: Vec<Mutant>,
    /// Whether each mutant is put to its own clause alone, which is enough for the verdict.
    pub quick: bool,
    /// How many mutants are judged at a time; at least one.
    pub jobs: usize,
}

/// Why the trial did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// A server did not start.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A server cannot be judged at all.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Every mutant before every clause.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// What the clauses say of a proxy that spoils nothing.
    pub baseline: Vec<ClauseReport>,
    /// What they say of each mutant; nothing if the baseline does not hold.
    pub rows: Vec<Row>,
    clauses: Vec<&'static str>,
}

/// A mutant before every clause.
#[derive(Debug, Clone)]
pub struct Row {
    /// The mutant.
    pub mutant: Mutant,
    /// What the clauses say of it.
    pub reports: Vec<ClauseReport>,
}

impl SelfTest {
    /// The clauses and the mutants whose id has one of these parts in it, or all when there are none.
    ///
    /// # Errors
    /// A part is in no id.
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

    /// Judges a right server and then the mutants, in their order, telling of each as soon as it is known.
    ///
    /// # Errors
    /// A server does not start, or cannot be reached.
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
        // Who meets the one wrong answer of a server that is wrong now and then, would otherwise be chance.
        let own = (self.quick || mutant.flaky).then(|| mutant.clause.to_owned());
        // One that is wrong each time in the same way need not be asked as often to be found out.
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
    /// What the clauses say of the right server, where it is not that they hold.
    pub fn unfit(&self) -> Vec<&ClauseReport> {
        let baseline = self.baseline.iter();
        baseline.filter(|it| it.status != Status::Pass).collect()
    }

    /// The mutants that their clauses did not notice.
    pub fn survivors(&self) -> Vec<&Mutant> {
        let alive = self.rows.iter().filter(|row| !row.killed());
        alive.map(|row| &row.mutant).collect()
    }

    /// The clauses that killed no mutant which is aimed at them.
    pub fn idle_clauses(&self) -> Vec<&'static str> {
        let kills = |id: &str| {
            let mut rows = self.rows.iter();
            rows.any(|row| row.mutant.clause == id && row.killed())
        };
        let clauses = self.clauses.iter().copied();
        clauses.filter(|id| !kills(id)).collect()
    }

    /// `{"baseline": {CLAUSE: STATUS}, "mutants": [{"clause", "name", "title", "killed", "statuses"}],
    /// "survivors": [MUTANT], "idle_clauses": [CLAUSE]}`; the statuses of a mutant are like the baseline.
    pub fn to_json(&self) -> Value {
        let survivors = self.survivors().into_iter();
        json!({
            "baseline": statuses(&self.baseline),
            "mutants": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "survivors": survivors.map(Mutant::id).collect::<Vec<_>>(),
            "idle_clauses": self.idle_clauses(),
        })
    }

    /// Whether the right server passes, no mutant survives and no clause is idle.
    pub fn holds(&self) -> bool {
        self.unfit().is_empty() && self.survivors().is_empty() && self.idle_clauses().is_empty()
    }
}

impl Row {
    /// Whether the mutant's own clause noticed.
    pub fn killed(&self) -> bool {
        let own = self.mutant.clause;
        let mut noticed = self.with(Status::Fail);
        noticed.any(|id| id == own)
    }

    /// The other clauses that noticed.
    pub fn others(&self) -> Vec<&str> {
        let own = self.mutant.clause;
        self.with(Status::Fail).filter(|id| *id != own).collect()
    }

    /// The clauses that came to no verdict.
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

/// A line for the mutant: whether it was killed, and which other clauses noticed or came to no verdict. A survivor's
/// says what it does wrong, and what its clause came to.
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

/// A line for each idle clause and each that the right server does not pass, and their numbers.
impl fmt::Display for Matrix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in self.unfit() {
            writeln!(out, "the right server fails\n{report}")?;
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
    // The mutants that are judged at a time keep the cores busy.
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
    fn a_suite_that_the_right_server_does_not_pass_proves_nothing() {
        let matrix = |status| Matrix {
            baseline: vec![report(Status::Pass), report(status)],
            rows: Vec::new(),
            clauses: Vec::new(),
        };
        assert!(matrix(Status::Pass).holds());
        for status in [Status::Fail, Status::Error, Status::Disabled] {
            assert!(!matrix(status).holds(), "{status}");
            let text = matrix(status).to_string();
            assert!(text.starts_with("the right server fails\n"), "{text}");
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
