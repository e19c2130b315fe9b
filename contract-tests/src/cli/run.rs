//! Runs `atlas-contract run`.

use std::{
    io,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use atlas_contract_tests::{
    exit_code::ExitCode,
    report::{ClauseReport, Report, Status, draft::DraftError},
    run::{self, Options, Run, settings::Settings, target::Target},
};

use super::{
    cleanup,
    output::{self, Output},
    plan,
    print::{complain, note, say},
    safety::Safety,
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The server's address, with or without /api/v1.
    #[arg(
        long,
        value_name = "URL",
        env = "ATLAS_CONTRACT_URL",
        hide_env_values = true
    )]
    atlas_url: String,
    /// A token that may write the namespace.
    #[arg(long, env = "ATLAS_CONTRACT_TOKEN", hide_env_values = true)]
    token: String,
    /// The user or organisation under which artifacts are made.
    #[arg(
        long,
        value_name = "NS",
        required_unless_present = "read_only",
        env = "ATLAS_CONTRACT_NAMESPACE",
        hide_env_values = true
    )]
    namespace: Option<String>,
    /// A user who may log in.
    #[arg(
        long,
        value_name = "USER",
        env = "ATLAS_CONTRACT_LOGIN",
        hide_env_values = true
    )]
    login: Option<String>,
    /// That user's password.
    #[arg(
        long,
        value_name = "PASS",
        env = "ATLAS_CONTRACT_PASSWORD",
        hide_env_values = true
    )]
    password: Option<String>,
    /// The token of a second user, who can neither see nor write the namespace.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "ATLAS_CONTRACT_OTHER_TOKEN",
        hide_env_values = true
    )]
    other_token: Option<String>,
    /// A public artifact in the namespace, which gets versions of a type unique to the run.
    #[arg(
        long,
        value_name = "USER/NAME",
        env = "ATLAS_CONTRACT_PUBLIC_ARTIFACT",
        hide_env_values = true
    )]
    public_artifact: Option<String>,
    /// The largest number of characters that an id may have.
    #[arg(
        long,
        value_name = "N",
        env = "ATLAS_CONTRACT_MAX_ID_LENGTH",
        hide_env_values = true
    )]
    max_id_length: Option<usize>,
    /// The id of a client of HCP's API that may write the namespace.
    #[arg(
        long,
        value_name = "ID",
        env = "ATLAS_CONTRACT_CLIENT_ID",
        hide_env_values = true
    )]
    client_id: Option<String>,
    /// That client's secret.
    #[arg(
        long,
        value_name = "SECRET",
        env = "ATLAS_CONTRACT_CLIENT_SECRET",
        hide_env_values = true
    )]
    client_secret: Option<String>,
    /// A user whose login needs a second factor.
    #[arg(
        long,
        value_name = "USER",
        env = "ATLAS_CONTRACT_TWO_FACTOR_LOGIN",
        hide_env_values = true
    )]
    two_factor_login: Option<String>,
    /// That user's password.
    #[arg(
        long,
        value_name = "PASS",
        env = "ATLAS_CONTRACT_TWO_FACTOR_PASSWORD",
        hide_env_values = true
    )]
    two_factor_password: Option<String>,
    /// Checks only clauses whose id contains this; may be given several times, and each must match a clause.
    #[arg(long, value_name = "PART")]
    filter: Vec<String>,
    /// The number of clauses that are checked at a time.
    #[arg(long, value_name = "N", default_value_t = run::JOBS)]
    jobs: NonZeroUsize,
    #[command(flatten)]
    output: Output,
    /// Treats every difference as a failure.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    safety: Safety,
}

/// The cleanup that a run leaves to the user: the path of the journal and the instruction to clean up, once there is a
/// journal. They are printed if a signal stops the run.
pub(super) type PendingCleanup = Arc<OnceLock<(PathBuf, String)>>;

/// Returns the message of a run that was stopped. A journal without entries has been removed by then.
pub(super) fn stopped(pending: &PendingCleanup) -> String {
    match pending.get().filter(|(journal, _)| journal.exists()) {
        Some((journal, cleanup)) => format!(
            "the journal lists what the run has made: {};\n{cleanup}",
            journal.display()
        ),
        None => "the run has made nothing".to_owned(),
    }
}

/// Checks the clauses against a server, and prints the verdicts.
pub(super) async fn run(mut args: Args, pending: PendingCleanup) -> ExitCode {
    let options = Options {
        filters: args.filter.clone(),
        strict: args.strict,
        jobs: args.jobs,
        ..Options::default()
    };
    let planned = args.safety.plan;
    let output = std::mem::take(&mut args.output);
    let settings = match settings(args) {
        Ok(settings) => settings,
        Err(error) => return complain(&error, ExitCode::BadConfiguration),
    };
    let target = match Target::new(settings) {
        Ok(target) => target,
        Err(error) => return complain(&error, ExitCode::BadConfiguration),
    };
    if planned {
        return plan::plan(&target, options).await;
    }
    if let Some(proxy) = target.server().proxy() {
        note(&format!("note: requests go through the proxy {proxy}"));
    }
    let drafts = match output.open() {
        Ok(drafts) => drafts,
        Err(error) => return complain(&error, ExitCode::ReportLost),
    };
    let run = match Run::start(target.clone(), options).await {
        Ok(run) => run,
        Err(error) => return complain(&error, error.exit_code()),
    };
    if let Some(journal) = run.journal() {
        let cleanup = cleanup::command(journal.path(), &target);
        // It is empty: this is the only place that sets it.
        let _ = pending.set((journal.path().to_owned(), cleanup));
    }
    let report = run.report(tell).await;
    say(&format!("\n{}", report.conclusion()));
    let written = output::write(drafts, &report);
    let ended = end_journal(&run, &target).await;
    exit_code(&report, written, ended)
}

/// Ends the journal of a run, and says what the run left on the server.
async fn end_journal(run: &Run, target: &Target) -> io::Result<()> {
    let Some(journal) = run.journal() else {
        return Ok(());
    };
    if journal.writes() > 0 {
        leftovers(target, run.prefix().as_str());
        say(&cleanup::command(journal.path(), target));
    }
    journal.end().await
}

/// Returns the exit code of a run, and complains of a report or a journal that is not whole.
fn exit_code(report: &Report, written: Result<(), DraftError>, ended: io::Result<()>) -> ExitCode {
    let ended = ended.map_err(|error| format!("the journal cannot be ended: {error}"));
    match (written, ended) {
        (Err(error), _) => complain(&error, ExitCode::ReportLost),
        (Ok(()), Err(error)) => match report.summary.exit_code() {
            ExitCode::Failed => complain(&error, ExitCode::Failed),
            _ => complain(&error, ExitCode::SuiteBroke),
        },
        (Ok(()), Ok(())) => report.summary.exit_code(),
    }
}

fn settings(args: Args) -> Result<Settings, String> {
    // An empty variable counts as unset: a compose file sets missing variables to the empty string.
    let non_empty = |value: Option<String>| value.filter(|text| !text.is_empty());
    let (policy, fixtures) = args.safety.policy()?;
    Ok(Settings {
        url: args.atlas_url,
        token: args.token,
        namespace: args.namespace.unwrap_or_default(),
        login: non_empty(args.login),
        password: non_empty(args.password),
        other_token: non_empty(args.other_token),
        public_artifact: non_empty(args.public_artifact),
        max_id_length: args.max_id_length,
        client_id: non_empty(args.client_id),
        client_secret: non_empty(args.client_secret),
        two_factor_login: non_empty(args.two_factor_login),
        two_factor_password: non_empty(args.two_factor_password),
        fixtures,
        policy,
    })
}

fn tell(report: &ClauseReport) {
    // Clauses that a filter excludes are counted, but not listed.
    if report.status != Status::Skip {
        say(&report.to_string());
    }
}

/// Prints what the run leaves on the server: a cleanup deletes boxes, and the contract has no call that deletes more.
fn leftovers(target: &Target, prefix: &str) {
    let namespace = target.namespace();
    say(&format!(
        "left on the server, since no call deletes them: artifacts {namespace}/{prefix}*; boxes are so called, too"
    ));
    if let Some(name) = target.public_artifact() {
        say(&format!(
            "and versions of the types {prefix}* in {namespace}/{name}"
        ));
    }
}
