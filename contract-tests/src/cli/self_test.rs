//! Runs `atlas-contract self-test`.

use std::{num::NonZeroUsize, path::PathBuf};

use atlas_contract_tests::{exit_code::ExitCode, report::draft::Draft, self_test::SelfTest};

use super::print::{complain, say};

pub(super) const EXIT_CODES: &str = "Exit codes:
  0  every mutant was killed by its clause, and every clause killed one
  1  a mutant survived, a clause was idle, or the correct emulator fails a clause
  2  bad arguments
  3  nothing ran: a filter matches neither a clause nor a mutant
  4  a server did not start or could not be reached
  5  the report cannot be written
  130 and 143  stopped by SIGINT (Ctrl-C) or SIGTERM";

#[derive(clap::Args)]
pub(super) struct Args {
    /// Tests only clauses and mutants whose id contains this; may be given several times, and each must match one.
    #[arg(long, value_name = "PART")]
    filter: Vec<String>,
    /// Checks each mutant only with its own clause. The verdict is the same, but other clauses that fail are not
    /// listed.
    #[arg(long)]
    quick: bool,
    /// The number of mutants that are checked at a time; by default the number of cores.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Writes the whole matrix to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Tests the suite, and prints the outcome of each mutant.
pub(super) async fn self_test(args: Args) -> ExitCode {
    let mut test = match SelfTest::chosen(&args.filter) {
        Ok(test) => test,
        Err(error) => return complain(&error, ExitCode::NothingRan),
    };
    test.quick = args.quick;
    test.jobs = args.jobs.map_or(test.jobs, NonZeroUsize::get);
    let draft = match args.json.map(Draft::open).transpose() {
        Ok(draft) => draft,
        Err(error) => return complain(&error, ExitCode::ReportLost),
    };
    let matrix = match test.run(|row| say(&row.to_string())).await {
        Ok(matrix) => matrix,
        Err(error) => return complain(&error, ExitCode::SuiteBroke),
    };
    say(&format!("\n{matrix}"));
    let text = format!("{:#}\n", matrix.to_json());
    match draft.map(|draft| draft.write(Ok(text))) {
        Some(Err(error)) => complain(&error, ExitCode::ReportLost),
        _ if matrix.holds() => ExitCode::Holds,
        _ => ExitCode::Failed,
    }
}
