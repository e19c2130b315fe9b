//! Runs `atlas-upload`, the program that pushes artifacts to any Atlas, and pulls them back.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main().into()
}
