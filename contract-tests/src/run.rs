//! Going through the clauses, one after the other, and turning what each check learned into a report.

use crate::{
    clause::Clause,
    clauses,
    context::{Context, Observed, RunPrefix},
    fault::{Fault, Verdict},
    http::Http,
    report::{ClauseReport, Status},
    settings::Need,
    target::Target,
};

/// Which clauses are put to the server, and how severely it is judged.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Parts of ids; a clause is run when its id has one of them, and every clause when there are none.
    pub filters: Vec<String>,
    /// Whether a difference is a failure.
    pub strict: bool,
}

/// Why nothing was judged.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The server does not know the token.
    #[error("the server refuses the token (401): check --token")]
    TokenRefused,
    /// There is no server, or none that answers.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
}

/// A run against one server.
pub struct Run {
    target: Target,
    http: Http,
    prefix: RunPrefix,
    options: Options,
}

impl Run {
    /// Prepares a run and asks the server once whether it takes the token.
    ///
    /// # Errors
    /// It does not, or it cannot be reached.
    pub async fn start(target: Target, options: Options) -> Result<Self, RunError> {
        let http = Http::new(&target).map_err(unreachable_because)?;
        let run = Self {
            target,
            http,
            prefix: RunPrefix::fresh(),
            options,
        };
        let reply = run
            .http
            .get("/authenticate")
            .send()
            .await
            .map_err(unreachable_because)?;
        match reply.status {
            401 => Err(RunError::TokenRefused),
            // Any other answer is for the clauses to judge.
            _ => Ok(run),
        }
    }

    /// What all names that this run makes begin with.
    pub fn prefix(&self) -> &RunPrefix {
        &self.prefix
    }

    /// Runs the chosen clauses in their order, telling of each as soon as it is known; the result has all clauses.
    pub async fn judge_all(&self, mut tell: impl FnMut(&ClauseReport)) -> Vec<ClauseReport> {
        let mut reports = Vec::new();
        for clause in clauses::all() {
            let (report, _) = self.judge(clause).await;
            tell(&report);
            reports.push(report);
        }
        reports
    }

    /// Judges one clause; with the report come the bodies that were compared with snapshots.
    pub async fn judge(&self, clause: &Clause) -> (ClauseReport, Vec<Observed>) {
        if !self.chosen(clause) {
            return (
                ClauseReport::new(clause, Status::Skip, String::new()),
                Vec::new(),
            );
        }
        if let Some(detail) = self.missing_facts(clause) {
            return (
                ClauseReport::new(clause, Status::Disabled, detail),
                Vec::new(),
            );
        }
        let context = Context::new(&self.target, &self.http, &self.prefix, clause.id);
        let verdict = (clause.check)(&context).await;
        let (notes, observed) = context.into_findings();
        let (status, detail) = weigh(clause, self.options.strict, verdict, &notes);
        (
            ClauseReport::new(clause, status, self.http.redact(&detail)),
            observed,
        )
    }

    fn chosen(&self, clause: &Clause) -> bool {
        let filters = &self.options.filters;
        filters.is_empty() || filters.iter().any(|part| clause.id.contains(part.as_str()))
    }

    fn missing_facts(&self, clause: &Clause) -> Option<String> {
        let missing: Vec<_> = clause
            .needs
            .iter()
            .filter(|need| !self.target.meets(**need))
            .collect();
        let flags: Vec<_> = missing.into_iter().copied().map(Need::flags).collect();
        (!flags.is_empty()).then(|| format!("needs {}", flags.join(" and ")))
    }
}

fn unreachable_because(fault: Fault) -> RunError {
    let (Fault::Trouble(why) | Fault::Broken(why)) = fault;
    RunError::Unreachable(why)
}

/// What a verdict means depends on how well the clause is known, and on how strict the run is.
fn weigh(clause: &Clause, strict: bool, verdict: Verdict, notes: &[String]) -> (Status, String) {
    let lenient = if strict {
        Status::Fail
    } else {
        Status::Difference
    };
    match verdict {
        Ok(()) if notes.is_empty() => (Status::Pass, String::new()),
        Ok(()) => (lenient, notes.join("\n")),
        Err(Fault::Broken(detail)) if clause.required() => (Status::Fail, detail),
        Err(Fault::Broken(detail)) => (lenient, detail),
        Err(Fault::Trouble(detail)) => (Status::Error, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clause::{Evidence, clause};

    fn status(
        evidence: &'static [Evidence],
        strict: bool,
        verdict: Verdict,
        notes: &[String],
    ) -> Status {
        let clause = clause("a.b", "", evidence, |_| Box::pin(async { Ok(()) }));
        weigh(&clause, strict, verdict, notes).0
    }

    fn broken() -> Verdict {
        Err(Fault::Broken(String::new()))
    }

    #[test]
    fn a_clause_that_is_known_fails_and_one_that_is_inferred_differs() {
        use Evidence::{Docs, Inferred};
        assert_eq!(status(&[Docs], false, broken(), &[]), Status::Fail);
        assert_eq!(
            status(&[Inferred, Docs], false, broken(), &[]),
            Status::Fail
        );
        assert_eq!(
            status(&[Inferred], false, broken(), &[]),
            Status::Difference
        );
        assert_eq!(status(&[Inferred], true, broken(), &[]), Status::Fail);
    }

    #[test]
    fn more_than_is_known_is_a_difference_unless_the_run_is_strict() {
        let notes = ["extra".to_owned()];
        assert_eq!(
            status(&[Evidence::Docs], false, Ok(()), &notes),
            Status::Difference
        );
        assert_eq!(
            status(&[Evidence::Docs], true, Ok(()), &notes),
            Status::Fail
        );
        assert_eq!(status(&[Evidence::Docs], true, Ok(()), &[]), Status::Pass);
    }

    #[test]
    fn trouble_is_an_error_whatever_the_clause() {
        let trouble = || Err(Fault::Trouble(String::new()));
        assert_eq!(
            status(&[Evidence::Inferred], false, trouble(), &[]),
            Status::Error
        );
        assert_eq!(
            status(&[Evidence::Docs], true, trouble(), &[]),
            Status::Error
        );
    }
}
