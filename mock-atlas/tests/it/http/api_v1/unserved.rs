//! Tests that paths of Atlas that the emulator does not serve are refused by name, so that no client takes them for
//! empty.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Fixture, NOT_FOUND, Reply};

/// The paths that genuine clients request, each with words that name the missing part.
const MISSING: [(&str, &str); 13] = [
    ("/api/v1/terraform/state", "state of Terraform"),
    (
        "/api/v1/terraform/state?username=acme&page=1",
        "state of Terraform",
    ),
    (
        "/api/v1/terraform/state/acme/net?atlas_run_id=",
        "state of Terraform",
    ),
    (
        "/api/v1/terraform/state/acme/net/versions/1/more",
        "state of Terraform",
    ),
    (
        "/api/v1/terraform/configurations/acme/net/versions/latest",
        "configurations",
    ),
    ("/api/v1/packer/build-configurations", "configurations"),
    (
        "/api/v1/packer/build-configurations/acme/builds/versions",
        "configurations",
    ),
    // These have a slash too many, as from a client whose address ends with one.
    ("/api/v1/terraform/state/", "state of Terraform"),
    ("//api/v1/terraform/state/acme/net", "state of Terraform"),
    ("/api/v1//terraform/state/acme/net", "state of Terraform"),
    ("/api/v1/terraform//state/acme/net", "state of Terraform"),
    ("/api/v1/vagrant/applications/acme/web", "applications"),
    ("/api/v1/environments/acme/net/variables", "environments"),
];

#[tokio::test]
async fn a_caller_with_a_good_token_is_told_what_is_missing_whatever_the_method() {
    let fixture = Fixture::new().await;
    for (path, word) in MISSING {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            for token in ["ROOT", "RIVAL"] {
                let request = fixture.anonymous(method.clone(), path);
                let request = request.header("X-Atlas-Token", token).body("{}");
                let reply = Reply::of(request.send().await.unwrap()).await;
                assert_eq!(reply.status, 501, "{method} {path}");
                let error = reply.json();
                assert_eq!(error["success"], false);
                let message = error["errors"][0].as_str().unwrap();
                assert!(
                    message.starts_with("This emulator does not serve "),
                    "{message}"
                );
                assert!(message.contains(word), "{path}: {message}");
            }
        }
        let head = fixture.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), 501, "{path}");
    }
}

#[tokio::test]
async fn a_caller_without_a_good_token_is_told_no_more() {
    let fixture = Fixture::new().await;
    for (path, _) in MISSING {
        for token in [None, Some("unknown")] {
            let mut request = fixture.anonymous(Method::GET, path);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            assert_eq!(request.send().await.unwrap().status(), 401, "{path}");
        }
    }
}

#[tokio::test]
async fn what_atlas_did_not_have_either_is_not_found() {
    let fixture = Fixture::new().await;
    for path in [
        "/api/v1/terraform",
        "/api/v1/terraform/states",
        "/api/v1/boxer",
        "/api/v1/boxes/",
        "/api/v2",
        "/api/v2/terraform/state",
        "/api/v2/artifacts/acme/web",
        "/api/v3/box/acme/web",
        "/_mock/unknown",
        "/terraform/state/acme/net",
        "/_mock/terraform/state",
        "/api/v1/api/v1/authenticate",
        "/api/v1/artifacts/acme",
    ] {
        // The token makes no difference, since no endpoint checks it.
        for token in ["ROOT", "unknown", ""] {
            let request = fixture.anonymous(Method::GET, path).bearer_auth(token);
            let reply = Reply::of(request.send().await.unwrap()).await;
            assert_eq!(
                (reply.status.as_u16(), &*reply.body),
                (404, NOT_FOUND),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn the_journal_and_the_metrics_have_the_route_of_what_is_missing_and_no_fault_meets_it() {
    let fault = "*:status=503".parse().unwrap();
    let fixture = Fixture::with(|builder| builder.fault(fault)).await;
    let path = "/api/v1/terraform/state/acme/net";
    assert_eq!(fixture.get(path).await.status, 501);
    let requests = fixture.atlas.requests();
    let seen = serde_json::to_value(&requests[0]).unwrap();
    let route = "/api/v1/terraform/state/{*path}";
    let parts = ["method", "path", "route", "status", "username"].map(|part| seen[part].clone());
    let expected: [Value; 5] = [
        json!("GET"),
        json!(path),
        json!(route),
        json!(501),
        json!("atlas"),
    ];
    assert_eq!(parts, expected);
    assert_eq!(fixture.atlas.lints(), []);
    let metrics = fixture.mock(Method::GET, "/metrics", None).await.body;
    let line = format!(r#"requests_total{{method="GET",route="{route}",status="501"}} 1"#);
    assert!(metrics.contains(&line), "{metrics}");
}
