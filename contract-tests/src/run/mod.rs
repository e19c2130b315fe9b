//! A run puts the clauses to one server, several at a time, and reports what each check found.
//!
//! [`settings`] are what the caller says, and [`target`] is the server that they name; [`filter`] chooses among the
//! clauses. A clause that is violated is checked again in `flakiness`. [`plan`] shows what a run would send, and
//! [`cleanup`] removes what one has made.
//!
//! Clauses share nothing but the server: each has artifacts of its own, and in the operator's public artifact a type of
//! its own. So they need not wait for each other; the requests of one clause keep their order.

pub mod cleanup;
pub mod filter;
pub(crate) mod flakiness;
pub mod plan;
pub mod settings;
pub mod target;

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};

use crate::{
    exit_code::ExitCode,
    failure::{CheckFailure, Verdict},
    http::Http,
    report::{About, ClauseReport, Detail, Report, Start, Status},
    safety::{
        journal::{Header, Journal, JournalError},
        policy::{ALLOW_WRITES, Access},
        run_prefix::RunPrefix,
    },
    suite::{
        clause::Clause,
        clauses,
        context::{ComparedBody, Context},
        precondition::Precondition,
        required_setting::RequiredSetting,
        verified_fixture::{VerifiedFixture, VerifyError},
    },
};
use filter::NothingMatches;
use flakiness::{VIOLATIONS_REQUIRED, confirmed_verdict};
use target::Target;

/// Which clauses are put to the server, and how severely it is judged.
#[derive(Debug, Clone)]
pub struct Options {
    /// Parts of ids; a clause is run when its id has one of them, and every clause when there are none.
    pub filters: Vec<String>,
    /// Whether a difference is a failure.
    pub strict: bool,
    /// How many clauses are judged at a time.
    pub jobs: NonZeroUsize,
    /// How often a clause must break before it is broken, unless it says never; one that also holds once is no verdict,
    /// and the server unstable.
    pub violations_required: NonZeroUsize,
}

/// How many clauses are judged at a time when nobody says: enough to hide the waiting, and no burden for a server.
pub const JOBS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);

impl Default for Options {
    fn default() -> Self {
        Self {
            filters: Vec::new(),
            strict: false,
            jobs: JOBS,
            violations_required: VIOLATIONS_REQUIRED,
        }
    }
}

/// Why nothing was judged.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A filter leaves nothing; most likely it is misspelt.
    #[error(transparent)]
    NothingMatches(#[from] NothingMatches),
    /// The server does not know the token.
    #[error("the server refuses the token (401): check --token")]
    TokenRefused,
    /// There is no server, or none that answers.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The server is not on this machine, and nobody said that it may be written to.
    #[error("{0}")]
    WritesRefused(String),
    /// What the operator named is not there.
    #[error("--fixtures: {slug}: {why}")]
    Fixture {
        /// The artifact and the type.
        slug: String,
        /// What is wrong.
        why: String,
    },
    /// What the run makes could not be kept anywhere.
    #[error(
        "the journal cannot be begun, and nothing was written: {0}; name another file with --journal"
    )]
    Journal(#[from] JournalError),
}

impl RunError {
    /// The exit code of a program that ends for it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::NothingMatches(_) => ExitCode::NothingRan,
            Self::Unreachable(_) => ExitCode::SuiteBroke,
            Self::TokenRefused
            | Self::WritesRefused(_)
            | Self::Fixture { .. }
            | Self::Journal(_) => ExitCode::BadConfiguration,
        }
    }
}

impl RunError {
    pub(crate) fn unreachable(failure: CheckFailure) -> Self {
        Self::Unreachable(failure.to_string())
    }
}

impl From<VerifyError> for RunError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Unreachable(why) => Self::Unreachable(why),
            VerifyError::Other { slug, why } => Self::Fixture { slug, why },
        }
    }
}

/// A run against one server.
pub struct Run {
    target: Target,
    http: Http,
    prefix: RunPrefix,
    options: Options,
}

impl Run {
    /// Prepares a run and asks the server whether it takes the token.
    ///
    /// # Errors
    /// It does not, or it cannot be reached, or the run cannot keep a journal of what it writes. Before anything is
    /// sent: a filter matches no clause, or the run may not write to the server.
    pub async fn start(target: Target, options: Options) -> Result<Self, RunError> {
        let server = target.server();
        if server.policy().access == Access::Loopback && !server.is_loopback() {
            return Err(RunError::WritesRefused(refusal(&target)));
        }
        let http = target.connect().map_err(RunError::unreachable)?;
        Self::begin(target, http, options).await
    }

    /// The same, with each request kept for [`Run::requests`].
    ///
    /// # Errors
    /// As [`Run::start`].
    pub(crate) async fn watched(target: Target, options: Options) -> Result<Self, RunError> {
        let mut http = target.connect().map_err(RunError::unreachable)?;
        http.watch();
        Self::begin(target, http, options).await
    }

    async fn begin(target: Target, http: Http, options: Options) -> Result<Self, RunError> {
        let ids = clauses::all().map(|clause| clause.id);
        filter::each_matches(&options.filters, "clause", ids)?;
        let mut run = Self {
            target,
            http,
            prefix: RunPrefix::fresh(),
            options,
        };
        run.check_token().await?;
        run.begin_journal().await?;
        run.verify_fixtures().await?;
        Ok(run)
    }

    /// Asks whether there is a server that takes the token.
    async fn check_token(&self) -> Result<(), RunError> {
        let ask = || self.http.get("/authenticate").send();
        let mut reply = ask().await;
        if let Err(first @ CheckFailure::Inconclusive(_)) = reply {
            // A server that is unstable is one that can be reached: its clauses are to say so.
            reply = ask().await;
            if let Err(CheckFailure::Inconclusive(_)) = reply {
                return Err(RunError::unreachable(first));
            }
        }
        match reply {
            Ok(reply) if reply.status == 401 => Err(RunError::TokenRefused),
            // Any other answer is for the clauses to judge.
            _ => Ok(()),
        }
    }

    async fn verify_fixtures(&mut self) -> Result<(), RunError> {
        let mut found = Vec::new();
        for fixture in self.target.fixtures() {
            found.push(VerifiedFixture::read(&self.http, fixture.clone()).await?);
        }
        self.target.found(found);
        Ok(())
    }

    async fn begin_journal(&mut self) -> Result<(), RunError> {
        let policy = self.target.server().policy();
        let place = policy.journal.clone();
        let Some(place) = place.filter(|_| policy.access != Access::ReadOnly) else {
            return Ok(());
        };
        let begin = Header {
            run: self.prefix.clone(),
            server: self.target.root().to_owned(),
            namespace: self.target.namespace().to_owned(),
            public_artifact: self.target.public_artifact().map(str::to_owned),
        };
        self.http.keep(Journal::create(place, begin).await?);
        Ok(())
    }

    /// The requests since the last time this was asked, without secrets, if they are kept.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.http.requests()
    }

    /// The journal of what the run makes.
    pub fn journal(&self) -> Option<&Journal> {
        self.http.journal()
    }

    /// What all names that this run makes begin with.
    pub fn prefix(&self) -> &RunPrefix {
        &self.prefix
    }

    /// Runs the chosen clauses, a few at a time, telling of each in the order of the table as soon as it and those
    /// before it are known; the result has all clauses, in the same order.
    pub async fn judge_all(&self, mut tell: impl FnMut(&ClauseReport)) -> Vec<ClauseReport> {
        stream::iter(clauses::all())
            .map(|clause| self.judge(clause))
            .buffered(self.options.jobs.get())
            .map(|(report, _)| report)
            .inspect(|report| tell(report))
            .collect()
            .await
    }

    /// Judges all clauses, as [`Run::judge_all`] does, and puts down how the run went.
    pub async fn report(&self, tell: impl FnMut(&ClauseReport)) -> Report {
        let start = Start::now();
        let clauses = self.judge_all(tell).await;
        let about = About {
            server: self.target.root(),
            namespace: self.target.namespace(),
            run_prefix: self.prefix.as_str(),
            strict: self.options.strict,
        };
        start.report(about, clauses)
    }

    /// Judges one clause; with the report come the bodies that were compared with snapshots.
    pub async fn judge(&self, clause: &Clause) -> (ClauseReport, Vec<ComparedBody>) {
        let unasked = |status, detail| {
            let report = ClauseReport::new(clause, status, detail, Duration::ZERO);
            (report, Vec::new())
        };
        if !filter::chooses(&self.options.filters, clause.id) {
            return unasked(Status::Skip, Detail::Nothing);
        }
        if let Some(obstacle) = self.obstacle(clause) {
            return unasked(Status::Disabled, Detail::Note(obstacle));
        }
        let started = Instant::now();
        let context = Context::new(&self.http, self.target.facts(), &self.prefix, clause.id);
        let verdict = confirmed_verdict(clause, &context, self.options.violations_required).await;
        let (notes, observed) = context.into_findings();
        let (status, detail) = weigh(clause, self.options.strict, verdict, &notes);
        let detail = detail.map(|text| self.http.redact(text));
        (
            ClauseReport::new(clause, status, detail, started.elapsed()),
            observed,
        )
    }

    /// Why the clause cannot be asked in this run.
    fn obstacle(&self, clause: &Clause) -> Option<String> {
        if !self.target.is_read_only() {
            return self.missing_facts(clause);
        }
        let Some(preconditions) = clause.preconditions else {
            return Some("writes".to_owned());
        };
        let facts = self.target.facts();
        let missing: Vec<_> = preconditions
            .iter()
            .filter(|it| facts.fixture(**it).is_none())
            .collect();
        let named: Vec<_> = missing
            .into_iter()
            .copied()
            .map(Precondition::words)
            .collect();
        let ungiven =
            (!named.is_empty()).then(|| format!("needs {} in --fixtures", named.join(" and ")));
        ungiven.or_else(|| self.missing_facts(clause))
    }

    fn missing_facts(&self, clause: &Clause) -> Option<String> {
        let missing: Vec<_> = clause
            .required_settings
            .iter()
            .filter(|setting| !self.target.facts().has(**setting) && !self.is_given(**setting))
            .collect();
        let flags: Vec<_> = missing
            .into_iter()
            .copied()
            .map(RequiredSetting::flags)
            .collect();
        (!flags.is_empty()).then(|| format!("needs {}", flags.join(" and ")))
    }

    /// A public artifact that is only read stands among those that the operator named.
    fn is_given(&self, required: RequiredSetting) -> bool {
        required == RequiredSetting::PublicArtifact && self.target.is_read_only()
    }
}

/// What would be written, and the ways out.
fn refusal(target: &Target) -> String {
    let (root, namespace) = (target.root(), target.namespace());
    let public = target
        .public_artifact()
        .map(|name| format!(", and versions of types that begin so in {namespace}/{name}"));
    format!(
        "{root} is not on this machine, and this run would make artifacts {namespace}/contract-… there, with versions \
         and files{}; nothing was sent: say --allow-writes ({ALLOW_WRITES}=1) if that may be, or --read-only to ask \
         what needs no writing",
        public.unwrap_or_default()
    )
}

/// What a verdict means depends on how well the clause is known, and on how strict the run is.
fn weigh(clause: &Clause, strict: bool, verdict: Verdict, notes: &[String]) -> (Status, Detail) {
    let lenient = if strict {
        Status::Fail
    } else {
        Status::Difference
    };
    match verdict {
        Ok(()) if notes.is_empty() => (Status::Pass, Detail::Nothing),
        Ok(()) => (lenient, Detail::Note(notes.join("\n"))),
        Err(
            CheckFailure::Violation(violation)
            | CheckFailure::Forbidden(violation)
            | CheckFailure::MaybeTransient(violation),
        ) => {
            let status = if clause.required() {
                Status::Fail
            } else {
                lenient
            };
            (status, Detail::Violation(violation))
        }
        Err(CheckFailure::Inconclusive(why) | CheckFailure::NotSent(why)) => {
            (Status::Error, Detail::Note(why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::clause::{Evidence, clause};

    fn status(
        evidence: &'static [Evidence],
        strict: bool,
        verdict: Verdict,
        notes: &[String],
    ) -> Status {
        let clause = clause("a.b", "", evidence, |_| Box::pin(async { Ok(()) }));
        weigh(&clause, strict, verdict, notes).0
    }

    fn violation() -> Verdict {
        Err(crate::failure::violation("this", "that"))
    }

    #[test]
    fn a_clause_that_is_known_fails_and_one_that_is_inferred_differs() {
        use Evidence::{Docs, Inferred};
        assert_eq!(status(&[Docs], false, violation(), &[]), Status::Fail);
        assert_eq!(
            status(&[Inferred, Docs], false, violation(), &[]),
            Status::Fail
        );
        assert_eq!(
            status(&[Inferred], false, violation(), &[]),
            Status::Difference
        );
        assert_eq!(status(&[Inferred], true, violation(), &[]), Status::Fail);
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
        let inconclusive = || Err(CheckFailure::Inconclusive(String::new()));
        let withheld = || Err(CheckFailure::NotSent(String::new()));
        assert_eq!(
            status(&[Evidence::Inferred], false, inconclusive(), &[]),
            Status::Error
        );
        assert_eq!(
            status(&[Evidence::Docs], true, inconclusive(), &[]),
            Status::Error
        );
        assert_eq!(
            status(&[Evidence::Inferred], false, withheld(), &[]),
            Status::Error
        );
    }
}
