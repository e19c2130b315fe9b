//! The program `mock-atlas`: an Atlas to run by hand, in a container or around a command.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
