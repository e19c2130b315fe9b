//! Formats errors of the plugin for Packer's user, in the original post-processor's words where it had
//! some, with hints.

use crate::base::error::{Cause, Error, Phase};
use crate::config::hints;
use crate::config::{Config, TOKEN_VARIABLE};

/// Formats the error of a push of `bytes` bytes. The text is not redacted yet.
pub(super) fn of(error: &Error, bytes: u64, config: &Config) -> String {
    let cause = error.cause();
    let text = match (error.phase(), error.status()) {
        (Phase::Authenticate, Some(401)) => {
            "Error connecting to atlas server, please check your ATLAS_TOKEN env: authentication failed".to_owned()
        }
        (Phase::CreateVersion | Phase::Upload { .. }, _) => {
            format!("Error uploading ({bytes} bytes): {cause}")
        }
        // The original's message is complete without the phase.
        (Phase::Pack, _) if is_no_common_prefix(cause) => cause.to_string(),
        _ => error.to_string(),
    };
    let hints = [
        error.hint().map(str::to_owned),
        about_token(error, config),
        hints::about_address(error, config),
        hints::about_plain_http(error, "atlas_upload_allow_http = true"),
        about_address(error, config),
    ];
    let lines = std::iter::once(text).chain(hints.into_iter().flatten());
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the warning for a configuration that accepts any server's certificate.
pub(super) fn of_no_verification(config: &Config) -> Option<String> {
    config.insecure.value.then(|| {
        format!(
            "WARNING: server certificates are not verified, because of {}: anyone in between can read the token and change the bytes. Give a private CA with ATLAS_CAFILE instead.",
            config.insecure.origin
        )
    })
}

fn about_token(error: &Error, config: &Config) -> Option<String> {
    match (error.status(), &config.token) {
        (Some(401), Some(token)) => Some(format!("the token came from {}", token.origin)),
        (Some(401), None) => Some(format!("no token was sent: set token, or {TOKEN_VARIABLE}")),
        _ => None,
    }
}

fn about_address(error: &Error, config: &Config) -> Option<String> {
    hints::is_from_default_atlas(error, config).then(|| {
        "atlas.hashicorp.com was switched off in 2018: set atlas_url, or ATLAS_ADDRESS, to your own Atlas".to_owned()
    })
}

fn is_no_common_prefix(cause: &Cause) -> bool {
    matches!(cause, Cause::Unpackable(reason) if reason.starts_with("No common prefix"))
}
