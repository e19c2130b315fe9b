//! Makes the hints about a push that did not end: how it is resumed from its receipt, or given up.

use std::path::Path;

use crate::base::error::{Error, Phase};
use crate::base::shell::for_shell;

/// Returns the command that finishes the pushes of a receipt.
pub fn command(receipt: &Path) -> String {
    format!("atlas-upload push --resume {}", for_shell(receipt))
}

/// Says of an upload that broke how it is finished from its receipt, with what is known of the version.
/// Any other error, and one that says already what to do, is returned as it is.
pub fn with_hint(error: Error, receipt: &Path) -> Error {
    let Phase::Upload { slug, .. } = error.phase() else {
        return error;
    };
    let known = match error.hint() {
        // What is to be looked at first, the next run looks at.
        Some(_) if error.is_arrival_unknown() => {
            format!("whether the bytes of {slug} have arrived is not known")
        }
        Some(_) => return error,
        None => awaits_bytes(slug),
    };
    error.with_hint(format!("{known}; finish it with: {}", command(receipt)))
}

/// Says what becomes of a version without its bytes.
pub fn awaits_bytes(slug: &str) -> String {
    format!("{slug} awaits its bytes, and nobody sees it until they are there")
}

/// Says how to give up what cannot be finished; its receipt would be in the way of the next push.
pub(crate) fn push_again(receipt: Option<&Path>) -> String {
    let again = "push again, for a new version";
    match receipt {
        Some(receipt) => format!("remove {} and {again}", for_shell(receipt)),
        None => again.to_owned(),
    }
}
