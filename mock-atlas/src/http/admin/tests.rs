//! Tests that each endpoint of the emulator's own API checks the root token before it does anything.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use crate::endpoint::Admin;
use crate::http::error::ApiError;
use crate::{MockAtlas, Seed, User};

/// A seed with one of everything that an endpoint could change.
const SEED: &str = r#"{
    "artifacts": [{"name": "acme/web", "versions": [{"type": "x", "file": {"text": "bytes"}}]}],
    "faults": ["upload:reset"]
}"#;

fn emulator() -> Router {
    let builder = MockAtlas::builder()
        .token("ROOT")
        .user(User::new("plain").token("PLAIN"))
        .seed(Seed::from_json(SEED).unwrap());
    builder.router().unwrap()
}

/// Sends a request to an endpoint, and returns the status and the body of the reply.
async fn send(router: &Router, endpoint: Admin, token: Option<&str>) -> (StatusCode, Bytes) {
    let path = endpoint.path().replace("{username}", "acme");
    let path = path.replace("{name}", "web").replace("{type}", "x");
    let path = path.replace("{channel}", "production");
    let path = path.replace("{version}", "1").replace("{id}", "1");
    let method = format!("{:?}", endpoint.method()).to_uppercase();
    let mut request = Request::builder().method(method.as_str()).uri(path);
    if let Some(token) = token {
        request = request.header("X-Atlas-Token", token);
    }
    let request = request.body(Body::empty()).unwrap();
    read(router.clone().oneshot(request).await.unwrap()).await
}

async fn read(reply: Response) -> (StatusCode, Bytes) {
    let status = reply.status();
    (
        status,
        to_bytes(reply.into_body(), usize::MAX).await.unwrap(),
    )
}

#[tokio::test]
async fn each_endpoint_checks_the_root_token_before_it_does_anything() {
    let router = emulator();
    let state = async || {
        let snapshot = send(&router, Admin::Snapshot, Some("ROOT")).await;
        let faults = send(&router, Admin::ListFaults, Some("ROOT")).await;
        assert_eq!([snapshot.0, faults.0], [StatusCode::OK; 2]);
        [snapshot.1, faults.1]
    };
    // The use of a token leaves its time, once a minute.
    send(&router, Admin::ListFaults, Some("PLAIN")).await;
    let before = state().await;
    for endpoint in Admin::ALL.iter().copied() {
        for (token, error) in [
            (None, ApiError::UNKNOWN_TOKEN),
            (Some("PLAIN"), ApiError::NOT_ROOT),
        ] {
            let reply = send(&router, endpoint, token).await;
            if endpoint.requires_root() {
                assert_eq!(reply.0, StatusCode::UNAUTHORIZED, "{endpoint:?} {token:?}");
                let refused = read(error.into_response()).await;
                assert_eq!(reply, refused, "{endpoint:?} {token:?}");
            } else if endpoint.path().starts_with("/_mock/channels/") {
                // Nobody but the owner may change them; the artifact of the seed is private.
                let refused = [StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND];
                assert!(refused.contains(&reply.0), "{endpoint:?} {token:?}");
            } else {
                assert_eq!(reply.0, StatusCode::OK, "{endpoint:?} {token:?}");
            }
        }
    }
    assert_eq!(state().await, before);
}
