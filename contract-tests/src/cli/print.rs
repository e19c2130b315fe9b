//! What the program says.

use std::io::{self, Write};

use atlas_contract_tests::exit_code::ExitCode;

/// A closed pipe must change neither the verdict nor the exit code, so what cannot be written is dropped.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Passes on to stderr what another program says.
pub(super) fn pass_on(bytes: &[u8]) {
    let _ = io::stderr().write_all(bytes);
}

/// Says on stderr what is no verdict, if there is something to say.
pub(super) fn note(text: &str) {
    if !text.is_empty() {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Says what went wrong, and how the program ends for it.
pub(super) fn complain(error: &impl std::fmt::Display, code: ExitCode) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {error}");
    code
}
