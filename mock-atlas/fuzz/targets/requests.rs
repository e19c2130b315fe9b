//! Sends any request: the emulator answers it, never with an internal error, and an error has the body that
//! HashiCorp's clients can read, unless it is a page.
//!
//! An input is a request without its version and `Host`: a method and a target, headers, an empty
//! line, and the body.

#![no_main]

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use mock_atlas::{MockAtlas, User};
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime")
});

/// The emulator of all inputs, so that each input meets the state that others left. The token `T` is a user's: with
/// the root token an input could add faults, which are intended failures.
static ATLAS: LazyLock<Router> = LazyLock::new(|| {
    let acme = User::new("acme").token("T").password("secret");
    let builder = MockAtlas::builder().user(acme).public_artifact("acme/web");
    builder.router().expect("an emulator")
});

fuzz_target!(|input: &[u8]| {
    if let Some(request) = request(input) {
        RUNTIME.block_on(ask(request));
    }
});

async fn ask(request: Request<Body>) {
    let path = request.uri().path().to_owned();
    let reply = match ATLAS.clone().oneshot(request).await {
        Ok(reply) => reply,
        Err(never) => match never {},
    };
    let status = reply.status();
    let kind = reply.headers().get(CONTENT_TYPE);
    // A browser shows the error itself.
    let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let body = reply
        .into_body()
        .collect()
        .await
        .expect("a whole reply")
        .to_bytes();
    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{body:?}");
    let is_error = status.is_client_error() || status.is_server_error();
    if is_error && !is_page && !body.is_empty() {
        let error: Value = serde_json::from_slice(&body).expect("JSON");
        assert!(is_readable(&error, &path), "{path}: {error}");
    }
}

/// Whether the clients of a path can read an error: those of HCP expect other forms than those of Atlas.
fn is_readable(error: &Value, path: &str) -> bool {
    let is_below = |prefix| {
        let rest = path.strip_prefix(prefix);
        rest.is_some_and(|rest: &str| rest.is_empty() || rest.starts_with('/'))
    };
    if is_below("/vagrant/2022-09-30") || is_below("/operation/2020-05-05") {
        error["code"].is_u64() && error["message"].is_string()
    } else if path == "/oauth2/token" {
        error["error"].is_string() && error["error_description"].is_string()
    } else {
        error["errors"][0].is_string() && error["success"] == false
    }
}

/// Parses an input; returns `None` if no server would accept it as a request.
fn request(input: &[u8]) -> Option<Request<Body>> {
    let end = input.windows(2).position(|two| two == b"\n\n");
    let (head, body) = match end {
        Some(end) => (&input[..end], &input[end + 2..]),
        None => (input, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.split(|byte| *byte == b' ');
    let mut request = Request::builder().method(first.next()?).uri(first.next()?);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
    }
    request.body(Body::from(body.to_vec())).ok()
}
