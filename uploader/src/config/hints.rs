//! Makes the hints about an error that depend on the settings: sentences without secrets that say what to do,
//! for users of the program and of Packer.

use crate::base::error::{Cause, Error, Phase};
use crate::config::Config;

/// Returns a hint about an address that is not, or no longer, that of the Atlas.
pub fn about_address(error: &Error, config: &Config) -> Option<String> {
    let origin = config.atlas_url.origin;
    match error.cause() {
        Cause::TokenNotSent { address, .. }
        | Cause::Redirected {
            address: Some(address),
            ..
        } => Some(format!(
            "the Atlas' address came from {origin}; set it to {address}, if you trust that address with the token"
        )),
        Cause::Page { .. } => Some(format!(
            "the Atlas' address came from {origin}; set it to one where the Atlas itself answers: a program cannot log in on a page"
        )),
        _ => None,
    }
}

/// Returns a hint that names the setting by which bytes are sent to a plain http address all the same.
pub fn about_plain_http(error: &Error, setting: &str) -> Option<String> {
    match (error.phase(), error.cause()) {
        (Phase::Upload { .. }, Cause::Unencrypted { .. }) => Some(format!(
            "an Atlas behind https should give https addresses for uploads; {setting}, or ATLAS_ALLOW_HTTP_UPLOAD, sends the bytes anyway"
        )),
        _ => None,
    }
}

/// Returns whether the failed request went to the default Atlas, which was switched off.
pub fn is_from_default_atlas(error: &Error, config: &Config) -> bool {
    config.atlas_url.value.is_default() && error.cause().request().is_some()
}
