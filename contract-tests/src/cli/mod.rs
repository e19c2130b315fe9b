//! The program: a module for each subcommand, and [`mod@print`] for what all of them say.

mod list;
mod print;
mod run;
mod self_test;

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
#[command(version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Puts the clauses to a server; makes artifacts below the namespace, which stay there.
    #[command(after_help = EXIT_CODES)]
    Run(Box<run::Args>),
    /// Puts the clauses to servers that are wrong on purpose: each must be found out by its clause.
    #[command(after_help = self_test::EXIT_CODES)]
    SelfTest(self_test::Args),
    /// Lists the clauses with the marks of their evidence.
    List,
}

/// Does what the arguments say.
pub(crate) async fn main() -> ExitCode {
    match Cli::parse().command {
        Command::List => list::list(),
        Command::Run(args) => run::run(*args).await,
        Command::SelfTest(args) => self_test::self_test(args).await,
    }
}
