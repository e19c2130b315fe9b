//! The program: a module for each subcommand, and [`print`] for what all of them say.

mod cleanup;
mod list;
mod plan;
mod print;
mod run;
mod safety;

use atlas_contract_tests::exit_code::ExitCode;
use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "Exit codes:
  0  something ran and all required clauses hold
  1  a clause failed
  2  bad configuration or arguments, or the server refuses the token
  3  nothing ran: the filter matches no clause, or all it matches are disabled
  4  the suite broke or the server could not be reached (weighs more than 1)
  6  something that a run made is still there after a cleanup";

/// Judges a running Atlas by its contract.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Removes what a run left behind where the server can, and lists the rest.
    #[command(after_help = EXIT_CODES)]
    Cleanup(cleanup::Args),
    /// Puts the clauses to a server; makes artifacts below the namespace, which stay there.
    #[command(after_help = EXIT_CODES)]
    Run(Box<run::Args>),
    /// Lists the clauses with the marks of their evidence.
    List,
}

/// Does what the arguments say.
pub(crate) async fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Cleanup(args) => cleanup::cleanup(args).await,
        Command::List => list::list(),
        Command::Run(args) => run::run(*args).await,
    }
}
