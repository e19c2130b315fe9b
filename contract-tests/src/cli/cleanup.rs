//! Runs `atlas-contract cleanup`.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use atlas_contract_tests::{
    exit_code::ExitCode,
    run::{
        RunError,
        cleanup::{Cleanup, Removal, address::address},
        settings::Settings,
        target::Target,
    },
    safety::{
        journal::Record,
        policy::{Access, Policy},
    },
};

use super::{
    print::{complain, say},
    safety::Connection,
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The journal of the run; may be given several times, or several files at once.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    journal: Vec<PathBuf>,
    /// The server that the token is for. A journal of a run on another server is refused.
    #[arg(
        long,
        value_name = "URL",
        env = "ATLAS_CONTRACT_URL",
        hide_env_values = true
    )]
    atlas_url: Option<String>,
    /// Accepts a journal of a run on another address, from which the server has moved to --atlas-url. Without
    /// --atlas-url, sends the token to the server that the journal names.
    #[arg(long)]
    allow_journal_url: bool,
    /// The token that the run had.
    #[arg(long, env = "ATLAS_CONTRACT_TOKEN", hide_env_values = true)]
    token: String,
    #[command(flatten)]
    connection: Connection,
}

/// The journal of a run to clean up after, and the server to clean.
type Run = (Record, Target);

/// Removes what the server can remove, and lists the rest.
pub(super) async fn cleanup(args: Args) -> ExitCode {
    let runs = match runs(args) {
        Ok(runs) => runs,
        Err(error) => return complain(&error, ExitCode::BadConfiguration),
    };
    let mut worst = ExitCode::Holds;
    for (record, target) in &runs {
        let code = match clean(target, record).await {
            Ok(code) => code,
            Err(error) => complain(&error, error.exit_code()),
        };
        // A larger code is more serious: resources that are left outweigh a server that could not be reached.
        if code as u8 > worst as u8 {
            worst = code;
        }
    }
    worst
}

/// Returns the message of a cleanup that was stopped.
pub(super) fn stopped() -> String {
    "resources that are not listed as removed may still exist: run the same command again"
        .to_owned()
}

/// Reads all journals, and checks each before anything is sent.
fn runs(args: Args) -> Result<Vec<Run>, String> {
    // An empty variable counts as unset.
    let given = args.atlas_url.filter(|url| !url.is_empty());
    let policy = Policy {
        access: Access::Anywhere,
        ..args.connection.policy()
    };
    let run = |journal: &PathBuf| -> Result<Run, String> {
        let record = Record::read(journal).map_err(|error| error.to_string())?;
        let refused = |error: &dyn fmt::Display| format!("{}: {error}", journal.display());
        let begin = &record.begin;
        let url = address(given.as_deref(), &begin.server, args.allow_journal_url);
        let settings = Settings {
            url: url.map_err(|error| refused(&error))?,
            token: args.token.clone(),
            namespace: begin.namespace.clone(),
            policy: policy.clone(),
            ..Settings::default()
        };
        let target = Target::new(settings).map_err(|error| refused(&error))?;
        Ok((record, target))
    };
    args.journal.iter().map(run).collect()
}

async fn clean(target: &Target, record: &Record) -> Result<ExitCode, RunError> {
    let cleanup = Cleanup::start(target, record).await?;
    let (mut absent, mut removed, mut left) = (0, 0, Vec::new());
    for resource in cleanup.resources() {
        match cleanup.remove(&resource).await {
            Removal::Absent => absent += 1,
            Removal::Removed => {
                removed += 1;
                say(&format!("removed  {resource}"));
            }
            Removal::Remaining => left.push(format!("left     {resource}")),
            Removal::Unknown(why) => left.push(format!("left     {resource}, perhaps: {why}")),
        }
    }
    for line in &left {
        say(line);
    }
    let (run, root, left) = (record.begin.run.as_str(), target.root(), left.len());
    say(&format!(
        "\n{run}* on {root}: {removed} removed, {left} left, {absent} not found, or not visible to this token"
    ));
    Ok(if left == 0 {
        ExitCode::Holds
    } else {
        ExitCode::CleanupIncomplete
    })
}

/// Returns an instruction with the command that cleans up after a run.
pub(super) fn command(journal: &Path, target: &Target) -> String {
    let mut words = vec!["atlas-contract cleanup --journal".to_owned()];
    words.push(quoted(&journal.to_string_lossy()));
    if !target.server().is_loopback() {
        words.push(format!("--atlas-url {}", quoted(target.root())));
    }
    words.extend(
        target
            .server()
            .policy()
            .trust
            .flags()
            .iter()
            .map(|it| quoted(it)),
    );
    format!(
        "to remove what the server can remove and list the rest, with the token in ATLAS_CONTRACT_TOKEN:\n    {}",
        words.join(" ")
    )
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
