//! These rules are about the requests that send files.

use axum::http::{Method, header};

use crate::{
    client::{
        observation::{Observation, require, tokens},
        rule::{Rule, each, post_processor, rule},
    },
    failure::CheckResult,
    self_test::proxy::Request,
    suite::clause::Evidence::{Client, Thread},
};

/// The first bytes of a gzip file: its magic number, and the only compression method (RFC 1952, 2.3.1).
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

pub(super) const RULES: &[Rule] = &[
    rule(
        "client.upload-path",
        "a file is PUT to an upload_path that the server gave, whatever its query",
        &[Client, Thread],
        upload_path,
    ),
    rule(
        "client.upload-without-token",
        "an upload carries no token",
        &[Client],
        upload_without_token,
    ),
    rule(
        "client.upload-without-type",
        "an upload has no Content-Type",
        &[Client],
        |observed| {
            each_upload(observed, |request| {
                let kind = request.headers.get(header::CONTENT_TYPE);
                let came = kind.map(|kind| String::from_utf8_lossy(kind.as_bytes()));
                let came = format!("Content-Type {}", came.unwrap_or_default());
                require(kind.is_none(), "no Content-Type", came, request)
            })
        },
    ),
    rule(
        "client.upload-with-length",
        "an upload has a Content-Length, or comes in chunks",
        &[Client],
        |observed| {
            each_upload(observed, |request| {
                let headers = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
                let has_one = headers.iter().any(|it| request.headers.contains_key(it));
                require(has_one, "one of them", "neither, so no body", request)
            })
        },
    ),
    post_processor(
        "client.upload-is-gzip",
        "an upload is a gzip file, or a tar compressed by gzip",
        &[Client],
        |observed| {
            // A box may be compressed otherwise, or not at all.
            if observed.box_uploads().next().is_some() {
                return None;
            }
            each_upload(observed, |request| {
                let is_gzip = request.body.starts_with(&GZIP);
                require(is_gzip, "1f 8b 08 at first", beginning(request), request)
            })
        },
    ),
];

fn each_upload(
    observed: &Observation,
    check: impl Fn(&Request) -> CheckResult,
) -> Option<CheckResult> {
    each(observed.uploads(), |transaction| {
        check(&transaction.request)
    })
}

fn upload_path(observed: &Observation) -> Option<CheckResult> {
    let given = observed.upload_paths();
    each_upload(observed, |request| {
        let is_given = given.iter().any(|path| path == request.path());
        let holds = is_given && request.method == Method::PUT;
        let expected = "PUT to a path that the server gave";
        let came = format!("{} to {}", request.method, request.path());
        require(holds, expected, came, request)
    })
}

fn upload_without_token(observed: &Observation) -> Option<CheckResult> {
    each_upload(observed, |request| {
        let token = observed.token.as_bytes();
        let is_in = |text: &[u8]| text.windows(token.len()).any(|it| it == token);
        let mut headers = request.headers.values();
        let anywhere = is_in(request.target.as_bytes()) || headers.any(|it| is_in(it.as_bytes()));
        let holds = tokens(request).is_empty() && !anywhere;
        require(holds, "no token", "one", request)
    })
}

fn beginning(request: &Request) -> String {
    let bytes = request.body.iter().take(GZIP.len());
    let bytes: Vec<_> = bytes.map(|byte| format!("{byte:02x}")).collect();
    match bytes.len() {
        0 => "nothing".to_owned(),
        _ => bytes.join(" "),
    }
}
