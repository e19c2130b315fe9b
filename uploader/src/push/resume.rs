//! Makes hints about unfinished pushes: how to resume one from its receipt, or give it up.

use std::path::Path;

use crate::base::error::{Error, Phase};
use crate::base::shell::for_shell;

/// Returns the command that finishes the pushes of a receipt.
pub fn command(receipt: &Path) -> String {
    format!("atlas-upload push --resume {}", for_shell(receipt))
}

/// Adds a hint to an upload error: how to finish the upload from its receipt, and what is known of the version.
/// Returns any other error, and an error whose hint already says what to do, unchanged.
pub fn with_hint(error: Error, receipt: &Path) -> Error {
    let Phase::Upload { slug, .. } = error.phase() else {
        return error;
    };
    let known = match error.hint() {
        // The next run checks the arrival itself, so this hint replaces the advice to look first.
        Some(_) if error.is_arrival_unknown() => {
            format!("it is unknown whether the bytes of {slug} have arrived")
        }
        Some(_) => return error,
        None => awaits_bytes(slug),
    };
    error.with_hint(format!(
        "{known}; finish the push with: {}",
        command(receipt)
    ))
}

/// Describes the state of a version without its bytes.
pub fn awaits_bytes(slug: &str) -> String {
    format!("{slug} awaits its bytes, and is invisible until they have arrived")
}

/// Describes how to give up a push that cannot be finished: its receipt would block the next push.
pub(crate) fn push_again(receipt: Option<&Path>) -> String {
    let again = "push again to create a new version";
    match receipt {
        Some(receipt) => format!("remove {} and {again}", for_shell(receipt)),
        None => again.to_owned(),
    }
}
