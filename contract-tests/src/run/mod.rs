//! A run checks the clauses against one server, several at a time, and reports the outcome of each check.
//!
//! [`settings`] holds the caller's settings, and [`target`] the server that they name. [`filter`] chooses clauses, and
//! `flakiness` repeats the check of a violated clause. [`plan`] lists the requests that a run would send, and
//! [`cleanup`] removes what a run has made.
//!
//! Clauses share nothing but the server: each has its own artifacts, and its own type in the operator's public
//! artifact. Their checks can therefore run at the same time; the requests of one clause keep their order.

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
    failure::{CheckFailure, CheckResult},
    http::Http,
    report::{About, ClauseReport, Detail, Report, Start, Status},
    safety::{
        journal::{Header, Journal, JournalError},
        policy::{ALLOW_WRITES, Access},
        run_prefix::RunPrefix,
    },
    suite::{
        box_api::BoxApi,
        clause::Clause,
        clauses,
        context::{ComparedBody, Context},
        fixtures::Fixtures,
        precondition::Precondition,
        required_setting::RequiredSetting,
        sample_box,
        verified_fixture::{VerifiedFixture, VerifyError},
    },
};
use filter::NothingMatches;
use flakiness::{VIOLATIONS_REQUIRED, confirmed_verdict};
use target::Target;

/// The options of a run: which clauses are checked, how many at a time, and how strictly.
#[derive(Debug, Clone)]
pub struct Options {
    /// Parts of ids; a clause is run when its id has one of them, and every clause when there are none.
    pub filters: Vec<String>,
    /// Whether a difference is a failure.
    pub strict: bool,
    /// The number of clauses that are checked at a time.
    pub jobs: NonZeroUsize,
    /// The number of violations before a clause is reported as violated, unless it says "never". If the clause holds
    /// in between, there is no verdict, and the server is unstable.
    pub violations_required: NonZeroUsize,
}

/// The default number of clauses that are checked at a time: enough to hide latency, and no burden for a server.
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

/// The reason why a run checked no clause.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A filter matches no clause; most likely it is misspelt.
    #[error(transparent)]
    NothingMatches(#[from] NothingMatches),
    /// The server does not know the token.
    #[error("the server refuses the token (401): check --token")]
    TokenRefused,
    /// No server answers at the address.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The server is not on this machine, and the caller has not allowed writes.
    #[error("{0}")]
    WritesRefused(String),
    /// The server lacks a fixture that the operator named, or has a different one.
    #[error("--fixtures: {slug}: {why}")]
    Fixture {
        /// The artifact and the type.
        slug: String,
        /// The difference.
        why: String,
    },
    /// The journal, which records what the run makes, cannot be created.
    #[error(
        "the journal cannot be begun, and nothing was written: {0}; name another file with --journal"
    )]
    Journal(#[from] JournalError),
}

impl RunError {
    /// Returns the exit code of a program that ends with this error.
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
    /// Prepares a run: checks that the server accepts the token, creates the journal, and verifies the fixtures.
    ///
    /// # Errors
    /// Fails when the server refuses the token or cannot be reached, when the journal cannot be created, or when a
    /// fixture differs. Before it sends anything, it fails when a filter matches no clause, or when the run may not
    /// write to the server.
    pub async fn start(target: Target, options: Options) -> Result<Self, RunError> {
        let server = target.server();
        if server.policy().access == Access::Loopback && !server.is_loopback() {
            return Err(RunError::WritesRefused(refusal(&target)));
        }
        let http = target.connect().map_err(RunError::unreachable)?;
        Self::begin(target, http, options).await
    }

    /// Prepares a run that records each request for [`Run::requests`].
    ///
    /// # Errors
    /// Fails as [`Run::start`] does.
    pub(crate) async fn with_request_log(
        target: Target,
        options: Options,
    ) -> Result<Self, RunError> {
        let mut http = target.connect().map_err(RunError::unreachable)?;
        http.enable_request_log();
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
        run.find_box_apis().await;
        run.begin_journal().await?;
        run.verify_fixtures().await?;
        Ok(run)
    }

    /// Fails unless a server answers and accepts the token.
    async fn check_token(&self) -> Result<(), RunError> {
        let authenticate = || self.http.get("/authenticate").send();
        let mut reply = authenticate().await;
        if let Err(first @ CheckFailure::Inconclusive(_)) = reply {
            // One failed request does not mean that the server is unreachable. If it is unstable, the clauses report
            // it.
            reply = authenticate().await;
            if let Err(CheckFailure::Inconclusive(_)) = reply {
                return Err(RunError::unreachable(first));
            }
        }
        match reply {
            Ok(reply) if reply.status == 401 => Err(RunError::TokenRefused),
            // The clauses judge every other reply.
            _ => Ok(()),
        }
    }

    /// Finds out which APIs for boxes the server has, if a chosen clause is about boxes.
    async fn find_box_apis(&mut self) {
        let chosen = |clause: &&Clause| filter::chooses(&self.options.filters, clause.id);
        let judged = clauses::all().filter(chosen).any(|it| it.boxes.is_some());
        if !judged && self.target.fixtures().boxes.is_empty() {
            return;
        }
        let mut offered = Vec::new();
        for api in BoxApi::ALL {
            if api.is_offered(&self.http, self.target.namespace()).await {
                offered.push(api);
            }
        }
        self.target.has_box_apis(offered);
    }

    async fn verify_fixtures(&mut self) -> Result<(), RunError> {
        let mut found = Vec::new();
        let Fixtures { artifacts, boxes } = self.target.fixtures().clone();
        for fixture in artifacts {
            found.push(VerifiedFixture::read(&self.http, fixture).await?);
        }
        let api = self.target.facts().box_apis.last().copied();
        for fixture in &boxes {
            sample_box::verify(&self.http, api, fixture).await?;
        }
        self.target.found(found, boxes);
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
        self.http.set_journal(Journal::create(place, begin).await?);
        Ok(())
    }

    /// Returns the requests since the last call, without secrets; empty unless the run records requests.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.http.requests()
    }

    /// Returns the journal, which records what the run makes.
    pub fn journal(&self) -> Option<&Journal> {
        self.http.journal()
    }

    /// Returns the prefix of all names that this run makes.
    pub fn prefix(&self) -> &RunPrefix {
        &self.prefix
    }

    /// Checks the chosen clauses, several at a time, and returns the reports of all clauses in the order of the table.
    /// Calls `tell` for each report, in the same order, as soon as it and its predecessors are known.
    pub async fn judge_all(&self, mut tell: impl FnMut(&ClauseReport)) -> Vec<ClauseReport> {
        stream::iter(clauses::all())
            .map(|clause| self.judge(clause))
            .buffered(self.options.jobs.get())
            .map(|(report, _)| report)
            .inspect(|report| tell(report))
            .collect()
            .await
    }

    /// Checks all clauses, as [`Run::judge_all`] does, and returns the report of the run.
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

    /// Checks one clause, and returns its report together with the bodies that were compared with snapshots.
    pub async fn judge(&self, clause: &Clause) -> (ClauseReport, Vec<ComparedBody>) {
        let unchecked = |status, detail| {
            let report = ClauseReport::new(clause, status, detail, Duration::ZERO);
            (report, Vec::new())
        };
        if !filter::chooses(&self.options.filters, clause.id) {
            return unchecked(Status::Skip, Detail::Nothing);
        }
        if let Some(obstacle) = self.obstacle(clause) {
            return unchecked(Status::Disabled, Detail::Note(obstacle));
        }
        let started = Instant::now();
        let context = Context::new(&self.http, self.target.facts(), &self.prefix, clause.id);
        let verdict = confirmed_verdict(clause, &context, self.options.violations_required).await;
        let (notes, observed) = context.into_findings();
        let (status, detail) = outcome_of(clause, self.options.strict, verdict, &notes);
        let detail = detail.map(|text| self.http.redact(text));
        (
            ClauseReport::new(clause, status, detail, started.elapsed()),
            observed,
        )
    }

    /// Returns the reason why this run cannot check the clause, or `None` if it can.
    fn obstacle(&self, clause: &Clause) -> Option<String> {
        let offered = &self.target.facts().box_apis;
        if let Some(missing) = clause.boxes.and_then(|boxes| boxes.missing(offered)) {
            return Some(missing);
        }
        if !self.target.is_read_only() {
            return self.missing_facts(clause);
        }
        let Some(preconditions) = clause.preconditions else {
            return Some("writes".to_owned());
        };
        let facts = self.target.facts();
        let missing: Vec<_> = preconditions
            .iter()
            .filter(|it| !facts.meets(**it))
            .collect();
        let named: Vec<_> = missing
            .into_iter()
            .copied()
            .map(Precondition::words)
            .collect();
        let missing_fixtures =
            (!named.is_empty()).then(|| format!("needs {} in --fixtures", named.join(" and ")));
        missing_fixtures.or_else(|| self.missing_facts(clause))
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

    /// Tells whether the setting is not needed: a read-only run finds its public artifact among the fixtures.
    fn is_given(&self, required: RequiredSetting) -> bool {
        required == RequiredSetting::PublicArtifact && self.target.is_read_only()
    }
}

/// Returns the error message that says what the run would write, and which flags allow or avoid it.
fn refusal(target: &Target) -> String {
    let (root, namespace) = (target.root(), target.namespace());
    let public = target
        .public_artifact()
        .map(|name| format!(", and versions of types that begin so in {namespace}/{name}"));
    format!(
        "{root} is not on this machine, and this run would make artifacts and boxes {namespace}/contract-… there, with versions \
         and files{}; nothing was sent: say --allow-writes ({ALLOW_WRITES}=1) if that may be, or --read-only to ask \
         what needs no writing",
        public.unwrap_or_default()
    )
}

/// Returns the outcome of a clause. It depends on the verdict, on the evidence of the clause, and on `strict`.
fn outcome_of(
    clause: &Clause,
    strict: bool,
    verdict: CheckResult,
    notes: &[String],
) -> (Status, Detail) {
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
        verdict: CheckResult,
        notes: &[String],
    ) -> Status {
        let clause = clause("a.b", "", evidence, |_| Box::pin(async { Ok(()) }));
        outcome_of(&clause, strict, verdict, notes).0
    }

    fn violation() -> CheckResult {
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
    fn a_clause_that_holds_with_notes_is_a_difference_unless_the_run_is_strict() {
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
    fn a_check_without_verdict_is_an_error_whatever_the_clause() {
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
