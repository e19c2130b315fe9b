//! Provides hints on what to do about an error.

use atlas_uploader::config::{ADDRESS_VARIABLE, Config, TOKEN_VARIABLE, hints as shared};
use atlas_uploader::{Cause, Error, Phase};

/// Returns the sentences to print below the error; none contains a secret.
pub(crate) fn hints(error: &Error, config: &Config) -> Vec<String> {
    let about_token = about_token(error, config);
    let about_certificate = about_certificate(error.cause());
    let about_address = shared::is_from_default_atlas(error, config).then(about_the_default);
    let hints = [
        error.hint().map(str::to_owned),
        about_token,
        shared::about_address(error, config),
        shared::about_plain_http(error, "--allow-http-upload"),
        about_certificate,
        about_address,
    ];
    hints.into_iter().flatten().collect()
}

/// Returns the hint for the default address, which no longer exists.
pub(crate) fn about_the_default() -> String {
    format!(
        "atlas.hashicorp.com was switched off in 2018; give your own Atlas with --atlas-url, or set {ADDRESS_VARIABLE}"
    )
}

/// Returns the hints for an error of `atlas-upload box mirror`, whose sources have tokens of their own.
pub(crate) fn of_boxes(error: &Error) -> Vec<String> {
    let about_token = match error.status() {
        Some(401) => Some(
            "the token came from HCP_CLIENT_ID and HCP_CLIENT_SECRET, or from VAGRANT_CLOUD_TOKEN; public boxes need no token, so unsetting these variables helps"
                .to_owned(),
        ),
        _ => None,
    };
    let advice = error.hint().map(str::to_owned);
    let about_certificate = about_certificate(error.cause());
    let about_address = match error.cause() {
        Cause::TokenNotSent { address, .. } => Some(format!(
            "the source's address came from --from; set it to {address}, if you trust that address with the token"
        )),
        Cause::Page { .. } => Some(
            "the source's address came from --from; set it to one where the source itself answers: a program cannot log in on a page"
                .to_owned(),
        ),
        _ => None,
    };
    let hints = [advice, about_token, about_address, about_certificate];
    hints.into_iter().flatten().collect()
}

/// Returns the hints for an error of a command that calls a registry of published boxes.
pub(crate) fn of_registry(error: &Error, config: &Config) -> Vec<String> {
    let about_token = (error.status() == Some(401)).then(|| {
        "the token came from --token or ATLAS_TOKEN, else from VAGRANT_CLOUD_TOKEN, or from HCP_CLIENT_ID and HCP_CLIENT_SECRET"
            .to_owned()
    });
    let hints = [
        error.hint().map(str::to_owned),
        about_token,
        shared::about_address(error, config),
        about_plain_upload(error.cause()),
        about_certificate(error.cause()),
    ];
    hints.into_iter().flatten().collect()
}

fn about_plain_upload(cause: &Cause) -> Option<String> {
    matches!(cause, Cause::Unencrypted { .. }).then(|| {
        "a registry behind https should give https addresses for uploads; --allow-http-upload, or ATLAS_ALLOW_HTTP_UPLOAD, sends the bytes anyway"
            .to_owned()
    })
}

fn about_token(error: &Error, config: &Config) -> Option<String> {
    // The address of an upload authorises the request by itself, so no token is sent there.
    if matches!(error.phase(), Phase::Upload { .. }) {
        return None;
    }
    match (error.status()?, &config.token) {
        (401, Some(token)) => Some(format!("the token came from {}", token.origin)),
        (401, None) => Some(format!(
            "no token was sent; give --token, or set {TOKEN_VARIABLE}"
        )),
        (404, None) => Some("without a token only public artifacts can be seen".to_owned()),
        _ => None,
    }
}

fn about_certificate(cause: &Cause) -> Option<String> {
    match cause {
        Cause::Untrusted { .. } => Some(
            "a private CA can be given with --ca-file or --ca-path, or with ATLAS_CAFILE or ATLAS_CAPATH"
                .to_owned(),
        ),
        _ => None,
    }
}
