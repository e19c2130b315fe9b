//! Tests the form of errors, which is HCP's for each path of HCP.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Hcp, REGISTRY, path_of, refusal};
use crate::support::Reply;

#[tokio::test]
async fn every_error_below_a_path_of_hcp_has_its_form() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let fixture = &hcp.fixture;
    let boxes = format!("{REGISTRY}/registry/acme/boxes");
    let ask = |method, path: &str| fixture.anonymous(method, path).bearer_auth("AMYS-TOKEN");
    for (request, status, code) in [
        (fixture.anonymous(Method::POST, &boxes), 401, 16),
        (
            fixture
                .anonymous(Method::GET, &boxes)
                .bearer_auth("unknown"),
            401,
            16,
        ),
        (ask(Method::GET, REGISTRY), 404, 5),
        (ask(Method::GET, &format!("{REGISTRY}/")), 404, 5),
        (
            ask(Method::GET, &format!("{REGISTRY}/nothing/here")),
            404,
            5,
        ),
        (
            ask(
                Method::POST,
                &format!("{REGISTRY}/registry/acme/box/web/nothing"),
            ),
            404,
            5,
        ),
        (ask(Method::GET, "/operation/2020-05-05/nothing"), 404, 5),
        (
            ask(Method::GET, &format!("{REGISTRY}/registry/a%20b/box/web")),
            404,
            5,
        ),
        (
            ask(
                Method::GET,
                &format!("{REGISTRY}/registry/acme/box/web/version/v1"),
            ),
            404,
            5,
        ),
        (ask(Method::PATCH, &boxes), 405, 12),
        (ask(Method::DELETE, &boxes), 405, 12),
        (ask(Method::POST, &boxes).body("{"), 400, 3),
        (ask(Method::POST, &boxes).body("[]"), 400, 3),
        (
            ask(Method::POST, &boxes)
                .header("Content-Type", "text/plain")
                .body("x"),
            415,
            3,
        ),
        (ask(Method::POST, &boxes).body("{\"name\": [1]}"), 422, 3),
        (
            ask(Method::POST, &boxes).body(vec![b' '; 9 * 1024 * 1024]),
            413,
            8,
        ),
    ] {
        let reply = Reply::of(request.send().await.unwrap()).await;
        let refused = refusal(&reply);
        assert_eq!((refused.0, refused.1), (status, code), "{}", refused.2);
        assert!(!refused.2.is_empty());
    }
}

#[tokio::test]
async fn the_paths_beside_those_of_hcp_keep_the_form_of_atlas() {
    let hcp = Hcp::new().await;
    for path in [
        "/vagrant/2022-09-31/x",
        "/vagrant",
        "/operation",
        "/oauth2/other",
        "/oauth2",
    ] {
        let reply = hcp.fixture.get(path).await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.body);
        assert_eq!(reply.json()["success"], false, "{path}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_fault_answers_in_the_form_of_its_path() {
    let rules = [
        "box.show:status=503,retry-after=7,times=1",
        "hcp.list:status=429,times=1",
        "hcp.registry:malformed,times=1",
        "hcp.token:status=500,times=1",
        "hcp.operation:status=404,times=1",
        "hcp.provider:status=500,times=1",
        "hcp.download:status=504,times=1",
    ];
    let hcp = Hcp::with(|mut builder| {
        for rule in rules {
            builder = builder.fault(rule.parse().unwrap());
        }
        builder
    })
    .await;
    let fixture = &hcp.fixture;
    let path = format!("{REGISTRY}{}", path_of(""));
    let shown = fixture.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(shown.headers()["retry-after"], "7");
    assert_eq!(shown.headers()["x-mock-atlas-fault"], rules[0]);
    let refused = refusal(&Reply::of(shown).await);
    assert_eq!((refused.0, refused.1), (503, 14));
    let refused = hcp.refused(Method::GET, "/registry/acme/boxes", None).await;
    assert_eq!((refused.0, refused.1), (429, 8));
    // An error is malformed, too.
    let half = hcp.call_as("", Method::GET, "/registry/nobody", None).await;
    assert_eq!(half.status, StatusCode::NOT_FOUND);
    assert!(
        serde_json::from_str::<Value>(&half.body).is_err(),
        "{}",
        half.body
    );
    let asked = fixture.anonymous(Method::POST, "/oauth2/token");
    let asked = asked
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 500);
    assert_eq!(
        asked.json::<Value>().await.unwrap()["error"],
        "server_error"
    );
    let path = "/operation/2020-05-05/organizations/acme/projects/acme/operations/x";
    assert_eq!(refusal(&fixture.get(path).await).1, 5);
    let provider = path_of("/version/1.0.0/provider/virtualbox");
    assert_eq!(hcp.refused(Method::GET, &provider, None).await.1, 13);
    let download = format!("{provider}/architecture/amd64/download");
    assert_eq!(hcp.refused(Method::GET, &download, None).await.1, 4);
    assert!(fixture.atlas.faults().iter().all(|fault| fault.fired == 1));
}

#[tokio::test]
async fn metrics_know_the_routes() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let metrics = hcp.fixture.get("/_mock/metrics").await.body;
    let line = "mock_atlas_http_requests_total{method=\"POST\",\
        route=\"/vagrant/2022-09-30/registry/{username}/boxes\",status=\"200\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn a_body_may_be_a_form_and_its_unknown_fields_are_noted() {
    let hcp = Hcp::new().await;
    let path = format!("{REGISTRY}/registry/acme/boxes");
    let request = hcp
        .fixture
        .anonymous(Method::POST, &path)
        .bearer_auth("AMYS-TOKEN");
    let form = [("name", "web"), ("is_private", "true"), ("nam", "x")];
    let made = Reply::of(request.form(&form).send().await.unwrap()).await;
    assert_eq!(made.json()["box"]["is_private"], true, "{}", made.body);
    let lints = hcp.fixture.get("/_mock/lints").await.json();
    let messages = super::all(&lints["lints"], "message");
    assert_eq!(messages, [format!("nam is not a field of {path}")]);
    assert_eq!(hcp.get(&path_of("")).await["box"]["versions"], json!([]));
}
