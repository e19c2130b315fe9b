//! This module prints the program's output.

use std::io::{self, Write};

use atlas_contract_tests::exit_code::ExitCode;

/// Prints a line to stdout. Errors are ignored: a closed pipe must change neither the verdict nor the exit code.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Passes the output of another program on to stderr.
pub(super) fn pass_on(bytes: &[u8]) {
    let _ = io::stderr().write_all(bytes);
}

/// Prints a line to stderr, unless it is empty.
pub(super) fn note(text: &str) {
    if !text.is_empty() {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Prints an error to stderr, and returns the exit code.
pub(super) fn complain(error: &impl std::fmt::Display, code: ExitCode) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {error}");
    code
}
