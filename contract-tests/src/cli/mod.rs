//! The program has a module for each subcommand; all of them print through [`mod@print`].

mod cleanup;
mod client;
mod diff;
mod ledger;
mod list;
mod manual;
mod output;
mod plan;
mod print;
mod run;
mod safety;
mod self_test;
mod signals;
mod work;

use atlas_contract_tests::exit_code::ExitCode;
use clap::{Parser, Subcommand};
use run::PendingCleanup;

const EXIT_CODES: &str = "Exit codes:
  0  something ran and all required clauses hold
  1  a clause failed (weighs more than 4)
  2  bad configuration or arguments, writes are not allowed, or the server refuses the token
  3  nothing ran: a filter matches no clause, or all chosen clauses are disabled
  4  the suite broke, or the server could not be reached, is unstable, or names an origin for uploads that is not allowed
  5  a report could not be written (weighs more than 1 and 4)
  130 and 143  stopped by SIGINT (Ctrl-C) or SIGTERM; the journal lists what was made";

const CLEANUP_EXIT_CODES: &str = "Exit codes:
  0  nothing of the run is left
  2  bad arguments, a file that is not a journal, a journal of another server, or the server refuses the token
  4  the server could not be reached
  6  something that the run made still exists, or may exist, after everything was tried (weighs more than 2 and 4)
  130 and 143  stopped by SIGINT (Ctrl-C) or SIGTERM";

const DIFF_EXIT_CODES: &str = "Exit codes:
  0  all clauses ended the same
  1  some did not
  2  bad arguments, or a file that is not a report";

/// Checks a running Atlas against its contract.
#[derive(Parser)]
#[command(name = "atlas-contract", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Removes what a run left behind where the server can, and lists the rest.
    #[command(after_help = CLEANUP_EXIT_CODES)]
    Cleanup(cleanup::Args),
    /// Checks the clauses against a server. Unless it only reads, what it makes in the namespace stays until a cleanup.
    #[command(after_help = EXIT_CODES)]
    Run(Box<run::Args>),
    /// Runs an uploader against a recording server, and checks its requests.
    #[command(after_help = client::EXIT_CODES)]
    Client(Box<client::Args>),
    /// Checks the clauses against servers that are wrong on purpose: each server must fail its clause.
    #[command(after_help = self_test::EXIT_CODES)]
    SelfTest(self_test::Args),
    /// Lists the clauses, and the rules for uploaders, with the marks of their evidence.
    List,
    /// Prints every behaviour of the contract with its evidence and its check.
    Ledger(ledger::Args),
    /// Compares the reports of two runs: of two servers, or of one before and after a change.
    #[command(after_help = DIFF_EXIT_CODES)]
    Diff(diff::Args),
    #[command(flatten)]
    Manual(manual::Command),
}

/// Runs the subcommand. Signals stop the subcommands that send requests.
pub(crate) fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Cleanup(args) => work::until_stopped(|| cleanup::cleanup(args), cleanup::stopped),
        Command::List => list::list(),
        Command::Ledger(args) => ledger::ledger(&args),
        Command::Diff(args) => diff::diff(&args),
        Command::Manual(command) => manual::run(&command),
        Command::Run(args) => {
            let pending = PendingCleanup::default();
            let own = pending.clone();
            work::until_stopped(|| run::run(*args, own), move || run::stopped(&pending))
        }
        Command::Client(args) => work::until_stopped(|| client::client(*args), String::new),
        Command::SelfTest(args) => work::until_stopped(|| self_test::self_test(args), String::new),
    }
}
