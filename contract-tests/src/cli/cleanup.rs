//! `atlas-contract cleanup`.

use std::path::{Path, PathBuf};

use atlas_contract_tests::{
    cleanup::{Cleanup, Fate},
    conduct::{Access, Conduct},
    exit_code::ExitCode,
    journal::Record,
    run::RunError,
    settings::Settings,
    target::Target,
};

use super::{
    print::{complain, say},
    safety::Connection,
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The journal of the run.
    #[arg(long, value_name = "FILE")]
    journal: PathBuf,
    /// The server's address, if it is another one by now than in the journal.
    #[arg(long, value_name = "URL")]
    atlas_url: Option<String>,
    /// The token that the run had.
    #[arg(long, env = "ATLAS_CONTRACT_TOKEN", hide_env_values = true)]
    token: String,
    #[command(flatten)]
    connection: Connection,
}

/// Removes what can be removed, and tells what is left.
pub(super) async fn cleanup(args: Args) -> ExitCode {
    let record = match Record::read(&args.journal) {
        Ok(record) => record,
        Err(error) => return complain(&error, ExitCode::BadConfiguration),
    };
    let target = match Target::new(settings(args, &record)) {
        Ok(target) => target,
        Err(error) => return complain(&error, ExitCode::BadConfiguration),
    };
    match clean(&target, &record).await {
        Ok(code) => code,
        Err(error) => complain(&error, error.exit_code()),
    }
}

async fn clean(target: &Target, record: &Record) -> Result<ExitCode, RunError> {
    let cleanup = Cleanup::start(target, record).await?;
    let (mut absent, mut removed, mut left) = (0, 0, 0);
    for thing in cleanup.things() {
        match cleanup.remove(&thing).await? {
            Fate::Absent => absent += 1,
            Fate::Removed => {
                removed += 1;
                say(&format!("removed  {thing}"));
            }
            Fate::Left => {
                left += 1;
                say(&format!("left     {thing}"));
            }
        }
    }
    let (run, root) = (record.begin.run.as_str(), target.root());
    say(&format!(
        "\n{run}* on {root}: {removed} removed, {left} left, {absent} not there, or not to be seen with this token"
    ));
    Ok(if left == 0 {
        ExitCode::Holds
    } else {
        ExitCode::CleanupIncomplete
    })
}

fn settings(args: Args, record: &Record) -> Settings {
    let begin = &record.begin;
    Settings {
        url: args.atlas_url.unwrap_or_else(|| begin.server.clone()),
        token: args.token,
        namespace: begin.namespace.clone(),
        conduct: Conduct {
            access: Access::Anywhere,
            ..args.connection.conduct()
        },
        ..Settings::default()
    }
}

/// The words that clean up after a run.
pub(super) fn command(journal: &Path, target: &Target) -> String {
    let mut words = vec!["atlas-contract cleanup --journal".to_owned()];
    words.push(quoted(&journal.to_string_lossy()));
    words.extend(target.conduct().trust.flags().iter().map(|it| quoted(it)));
    format!(
        "to remove what the server can remove and list the rest, with the token in ATLAS_CONTRACT_TOKEN:\n    {}",
        words.join(" ")
    )
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
