//! The program `mock-atlas`, which runs the emulator as a server or around a command.

mod cli;

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// The C library's allocator took a third of all processor time. With mimalloc, a search and a POST
/// of a version take a fifth less.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
