//! Says what to do about an error, where that depends on the settings: sentences without secrets, for a
//! person who runs the program and for one who runs Packer.

use crate::config::Config;
use crate::error::{Cause, Error};

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

/// Returns whether the service that was switched off was asked.
pub fn is_of_the_service_that_is_gone(error: &Error, config: &Config) -> bool {
    config.atlas_url.value.is_default() && error.cause().request().is_some()
}
