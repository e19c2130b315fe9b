//! Tests that arbitrary requests never make the emulator fail.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use mock_atlas::MockAtlas;
use proptest::prelude::*;
use tower::ServiceExt;

/// Pieces of genuine requests, from which the generated requests are made, so that they pass the first checks.
const PIECES: &[&str] = &[
    "artifact",
    "artifact_version",
    "box",
    "provider",
    "[version]",
    "[checksum_type]",
    "[default_architecture]",
    "sha256",
    "[name]",
    "[metadata]",
    "[username]",
    "[file]",
    "[build_id]",
    "=",
    "&",
    "true",
    "acme",
    "web",
    "\"",
    "{",
    "}",
    ":",
    "[",
    "]",
    "metadata.1.key",
    "metadata.2.value",
    "version",
    "latest",
    "any",
    "build",
    "5",
    "-1",
    "18446744073709551616",
    "access_token",
    "ROOT",
    "null",
    "%00",
    "%ff",
    "é",
];

const ROOTS: &[&str] = &[
    "/api/v1/artifacts",
    "/api/v1/authenticate",
    "/_binstore",
    "/_mock",
    "/_mock/artifacts",
    "/api/v1",
    "/api/v1/box/acme/web",
    "/api/v2/box/acme/web/version/1.0.0",
    "/api/v2/boxes",
    "/api/v2/search",
    "/api/v2/user",
    "/api/v2/vagrant",
    "/acme/boxes/web/versions/1.0.0/providers",
    "//acme",
    "",
];

fn pieced() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..12)
        .prop_map(|pieces| pieces.concat())
}

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("acme".to_owned()),
        Just("web".to_owned()),
        Just("search".to_owned()),
        Just("latest".to_owned()),
        Just("file".to_owned()),
        proptest::sample::select(
            &["reset", "seed", "snapshot", "restore", "tokens", "orphans"][..]
        )
        .prop_map(str::to_owned),
        proptest::sample::select(
            &[
                "versions",
                "version",
                "1.0.0",
                "release",
                "revoke",
                "providers",
                "provider",
                "virtualbox",
                "virtualbox.box",
                "amd64",
                "vagrant.box",
                "upload",
                "direct",
                "complete",
            ][..]
        )
        .prop_map(str::to_owned),
        "[a-z0-9.%_-]{0,60}",
    ]
}

fn target() -> impl Strategy<Value = String> {
    let path = (
        proptest::sample::select(ROOTS),
        proptest::collection::vec(segment(), 0..6),
    )
        .prop_map(|(root, segments)| format!("{root}/{}", segments.join("/")));
    (path, "[a-z0-9.=&%+]{0,40}").prop_map(|(path, query)| format!("{path}?{query}"))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        pieced().prop_map(String::into_bytes),
        pieced().prop_map(|text| format!("{{\"artifact_version\":{{{text}}}}}").into_bytes()),
        pieced().prop_map(|text| format!("{{\"provider\":{{{text}}}}}").into_bytes()),
        Just(br#"{"artifact_version":{"id":"x","file":true}}"#.to_vec()),
        Just(br#"{"box":{"username":"acme","name":"web"}}"#.to_vec()),
        Just(br#"{"version":{"version":"1.0.0","description":"[x](y)"}}"#.to_vec()),
        Just(br#"{"provider":{"name":"virtualbox","architecture":"amd64"}}"#.to_vec()),
    ]
}

fn content_type() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(
        &[
            "application/json",
            "application/x-www-form-urlencoded",
            "",
            "a/b",
        ][..],
    )
}

async fn send(router: Router, request: Request<Body>) -> StatusCode {
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    status
}

fn emulator() -> Router {
    MockAtlas::builder()
        .token("ROOT")
        .public_artifact("acme/web")
        .router()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_request_makes_the_emulator_fail(
        method in proptest::sample::select(&["GET", "HEAD", "POST", "PUT", "DELETE", "BREW"][..]),
        target in target(),
        token in proptest::option::of(prop_oneof![Just("ROOT".to_owned()), "[ -~]{0,9}"]),
        range in proptest::option::of("bytes=[0-9,-]{0,9}"),
        content_type in content_type(),
        body in body(),
    ) {
        let mut request = Request::builder().method(method).uri(&target).header("Content-Type", content_type);
        if let Some(token) = token {
            request = request.header("X-Atlas-Token", token);
        }
        if let Some(range) = range {
            request = request.header("Range", range);
        }
        // A target that is no valid URI cannot be sent, and is skipped.
        if let Ok(request) = request.body(Body::from(body)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let status = runtime.block_on(send(emulator(), request));
            let is_refused = status == StatusCode::NOT_IMPLEMENTED;
            prop_assert!(is_refused || !status.is_server_error(), "{status} for {method} {target}");
        }
    }
}
