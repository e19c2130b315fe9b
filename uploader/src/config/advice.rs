//! Says what to do about an error, where that depends on the settings: sentences without secrets, for a
//! person who runs the program and for one who runs Packer.

use std::path::Path;

use crate::base::error::{Cause, Error, Phase};
use crate::base::shell::for_shell;
use crate::config::Config;

/// Says what to do about an address that is not that of the Atlas, or not any more.
pub fn about_the_address(error: &Error, config: &Config) -> Option<String> {
    let origin = config.atlas_url.origin;
    match error.cause() {
        Cause::TokenNotSent { address, .. }
        | Cause::Redirected {
            address: Some(address),
            ..
        } => Some(format!(
            "the Atlas' address came from {origin}; make it {address}, if you trust it with the token"
        )),
        Cause::Page { .. } => Some(format!(
            "the Atlas' address came from {origin}; make it one where the Atlas itself answers: no program can log in at a page"
        )),
        _ => None,
    }
}

/// Says by which setting the bytes go to a plain http address all the same.
pub fn about_plain_http(error: &Error, setting: &str) -> Option<String> {
    match (error.phase(), error.cause()) {
        (Phase::Upload { .. }, Cause::Unencrypted { .. }) => Some(format!(
            "an Atlas behind https should give https addresses for uploads; {setting}, or ATLAS_ALLOW_HTTP_UPLOAD, sends the bytes all the same"
        )),
        _ => None,
    }
}

/// Says what to type to finish the pushes of a receipt.
pub fn how_to_resume(receipt: &Path) -> String {
    format!("atlas-upload push --resume {}", for_shell(receipt))
}

/// Says of an upload that broke how it is finished from its receipt, with what is known of the version.
/// Any other error, and one that says already what to do, is returned as it is.
pub fn to_resume(error: Error, receipt: &Path) -> Error {
    let Phase::Upload { slug, .. } = error.phase() else {
        return error;
    };
    let known = match error.advice() {
        // What is to be looked at first, the next run looks at.
        Some(_) if error.is_arrival_unknown() => {
            format!("whether the bytes of {slug} have arrived is not known")
        }
        Some(_) => return error,
        None => awaiting(slug),
    };
    error.advise(format!(
        "{known}; finish it with: {}",
        how_to_resume(receipt)
    ))
}

/// Says what becomes of a version without its bytes.
pub fn awaiting(slug: &str) -> String {
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

/// Returns whether the service that was switched off was asked.
pub fn is_of_the_service_that_is_gone(error: &Error, config: &Config) -> bool {
    config.atlas_url.value.is_default() && error.cause().request().is_some()
}
