//! The program: a module for each subcommand, and [`mod@print`] for what all of them say.

mod list;
mod manual;
mod print;
mod run;

use atlas_contract_tests::exit_code::ExitCode;
use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "Exit codes:
  0  something ran and all required clauses hold
  1  a clause failed
  2  bad configuration or arguments, or the server refuses the token
  3  nothing ran: the filter matches no clause, or all it matches are disabled
  4  the suite broke or the server could not be reached (weighs more than 1)";

/// Judges a running Atlas by its contract.
#[derive(Parser)]
#[command(name = "atlas-contract", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Puts the clauses to a server; makes artifacts below the namespace, which stay there.
    #[command(after_help = EXIT_CODES)]
    Run(Box<run::Args>),
    /// Lists the clauses with the marks of their evidence.
    List,
    #[command(flatten)]
    Manual(manual::Command),
}

/// Does what the arguments say.
pub(crate) async fn main() -> ExitCode {
    match Cli::parse().command {
        Command::List => list::list(),
        Command::Manual(command) => manual::run(&command),
        Command::Run(args) => run::run(*args).await,
    }
}
