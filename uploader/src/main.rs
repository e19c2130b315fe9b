//! `atlas-upload`: pushes artifacts to any Atlas, and fetches them back.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main().into()
}
