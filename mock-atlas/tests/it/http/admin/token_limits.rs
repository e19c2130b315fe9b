//! Tests the limits of tokens: their scope and their end.

use std::time::{Duration, SystemTime};

use mock_atlas::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Fixture, NOT_FOUND, Reply};

/// Makes a token of the root account with these limits, and returns its value.
async fn make(fixture: &Fixture, username: &str, limits: Value) -> String {
    let mut token = json!({"username": username});
    let fields = token.as_object_mut().unwrap();
    fields.extend(limits.as_object().unwrap().clone());
    let body = json!({"token": token});
    let reply = fixture.mock(Method::POST, "/tokens", Some(body)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()["token"].as_str().unwrap().to_owned()
}

async fn ask(fixture: &Fixture, token: &str, method: Method, path: &str) -> Reply {
    let body = json!({
        "artifact_version": {"metadata": {}},
        "box": {"username": "acme", "name": "new"},
        "box_version": {},
    });
    let request = fixture
        .anonymous(method, path)
        .bearer_auth(token)
        .json(&body);
    Reply::of(request.send().await.unwrap()).await
}

const READ: (Method, &str) = (Method::GET, "/api/v1/artifacts/acme/web");
const SEARCH: (Method, &str) = (
    Method::GET,
    "/api/v1/artifacts/acme/web/custom.image/search",
);
const DOWNLOAD: (Method, &str) = (
    Method::GET,
    "/api/v1/artifacts/acme/web/custom.image/1/file",
);
const WRITE: (Method, &str) = (Method::POST, "/api/v1/artifacts/acme/web/custom.image");
const READ_OTHER: (Method, &str) = (Method::GET, "/api/v1/artifacts/acme/db");
const WRITE_OTHER: (Method, &str) = (Method::POST, "/api/v1/artifacts/acme/db/custom.image");
const READ_BOX: (Method, &str) = (Method::GET, "/api/v2/box/acme/web");
const CHANGE_BOX: (Method, &str) = (Method::PUT, "/api/v2/box/acme/web");
const CREATE_BOX: (Method, &str) = (Method::POST, "/api/v2/boxes");
const ELSEWHERE: (Method, &str) = (Method::GET, "/api/v1/artifacts/rival/own");
const ADMINISTER: (Method, &str) = (Method::PUT, "/vagrant/2022-09-30/registry/acme/deactivate");
const OWN_API: (Method, &str) = (Method::GET, "/_mock/tokens");

/// Each scope of a token of root with all that it allows of the requests above.
const SCOPES: [(&str, &[(Method, &str)]); 6] = [
    (
        "read",
        &[READ, SEARCH, DOWNLOAD, READ_OTHER, READ_BOX, ELSEWHERE],
    ),
    ("read:acme", &[READ, SEARCH, DOWNLOAD, READ_OTHER, READ_BOX]),
    ("read:acme/web", &[READ, SEARCH, DOWNLOAD, READ_BOX]),
    (
        "write:acme/web",
        &[READ, SEARCH, DOWNLOAD, WRITE, READ_BOX, CHANGE_BOX],
    ),
    ("write:rival", &[ELSEWHERE]),
    (
        "admin:acme",
        &[
            READ,
            SEARCH,
            DOWNLOAD,
            WRITE,
            READ_OTHER,
            WRITE_OTHER,
            READ_BOX,
            CHANGE_BOX,
            CREATE_BOX,
            ADMINISTER,
        ],
    ),
];

/// The organisation `acme` with the artifact `web`, which is a private box, too, and with `db`; and `rival/own`.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    for (path, body) in [
        ("/vagrant/2022-09-30/registries", json!({"name": "acme"})),
        (
            "/api/v2/boxes",
            json!({"box": {"username": "acme", "name": "web", "is_private": true}}),
        ),
    ] {
        let made = fixture.post(path, body).await;
        assert_eq!(made.status, 200, "{}", made.body);
    }
    fixture.push(b"bytes").await;
    fixture.make_artifact("acme", "db").await;
    fixture.make_artifact("rival", "own").await;
    fixture
}

#[tokio::test]
async fn a_scope_limits_each_request_to_its_role_and_its_place() {
    for (scope, allowed) in SCOPES {
        let fixture = fixture().await;
        let token = make(&fixture, "atlas", json!({"scope": scope})).await;
        let all = [
            READ,
            SEARCH,
            DOWNLOAD,
            WRITE,
            READ_OTHER,
            WRITE_OTHER,
            READ_BOX,
            CHANGE_BOX,
            CREATE_BOX,
            ELSEWHERE,
            OWN_API,
            ADMINISTER,
        ];
        for request in all {
            let (method, path) = request.clone();
            let reply = ask(&fixture, &token, method, path).await;
            let is_allowed = allowed.contains(&request);
            let told = format!("{scope}: {request:?}: {} {}", reply.status, reply.body);
            assert_eq!(reply.status.is_success(), is_allowed, "{told}");
            let refused = [401, 404].contains(&reply.status.as_u16());
            assert!(is_allowed || refused, "{told}");
        }
    }
}

#[tokio::test]
async fn a_scope_adds_nothing_to_the_rights_of_its_user() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let token = make(&fixture, "rival", json!({"scope": "admin:acme/web"})).await;
    let (method, path) = READ;
    assert_eq!(ask(&fixture, &token, method, path).await.body, NOT_FOUND);
    // The token says whose it is, whatever its scope.
    let reply = ask(&fixture, &token, Method::GET, "/api/v1/authenticate").await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn lists_of_boxes_have_what_the_scope_covers() {
    let fixture = Fixture::new().await;
    for name in ["web", "db"] {
        let body = json!({"box": {"username": "acme", "name": name, "is_private": true}});
        let made = fixture.post("/api/v2/boxes", body).await;
        assert_eq!(made.status, 200, "{}", made.body);
    }
    let names = async |token: &str| {
        let reply = ask(&fixture, token, Method::GET, "/api/v1/user/acme").await;
        let found = reply.json()["boxes"].as_array().cloned();
        let found = found.unwrap_or_default();
        let names = found.iter().map(|found| found["name"].as_str().unwrap());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let one = make(&fixture, "atlas", json!({"scope": "read:acme/db"})).await;
    assert_eq!(names(&one).await, ["db"]);
    let all = make(&fixture, "atlas", json!({"scope": "read:acme"})).await;
    assert_eq!(names(&all).await.len(), 2);
    let none = make(&fixture, "atlas", json!({"scope": "read:rival"})).await;
    assert!(names(&none).await.is_empty());
}

#[tokio::test]
async fn a_token_is_void_from_its_end_on_with_its_access_tokens() {
    let clock = Clock::fixed(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let fixture = Fixture::with(|builder| builder.clock(clock.clone())).await;
    let limits = json!({"expires_at": "2027-01-15T08:10:00Z", "scope": "read:rival"});
    let token = make(&fixture, "rival", limits).await;
    let credentials = [
        ("grant_type", "client_credentials"),
        ("client_id", "rival"),
        ("client_secret", &token),
    ];
    let issue = fixture
        .anonymous(Method::POST, "/oauth2/token")
        .form(&credentials);
    let issued = Reply::of(issue.try_clone().unwrap().send().await.unwrap()).await;
    let access = issued.json()["access_token"].as_str().unwrap().to_owned();
    let whoami = "/api/v1/authenticate";
    for token in [&token, &access] {
        assert_eq!(ask(&fixture, token, Method::GET, whoami).await.status, 200);
    }
    clock.advance(Duration::from_secs(599));
    assert_eq!(ask(&fixture, &token, Method::GET, whoami).await.status, 200);
    clock.advance(Duration::from_secs(1));
    for token in [&token, &access] {
        assert_eq!(ask(&fixture, token, Method::GET, whoami).await.status, 401);
    }
    assert_ne!(issue.send().await.unwrap().status(), 200);

    let listed = fixture.mock(Method::GET, "/tokens", None).await.json();
    let last = listed["tokens"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["scope"], "read:rival");
    assert_eq!(last["expires_at"], "2027-01-15T08:10:00Z");
    assert_eq!(last["last_used_at"], "2027-01-15T08:09:59Z");
}

#[tokio::test]
async fn limits_that_cannot_be_are_named() {
    let fixture = Fixture::new().await;
    for (limits, message) in [
        (json!({"scope": "all"}), "token[scope]: \"all\" is no scope"),
        (
            json!({"scope": "read:a/b/c"}),
            "token[scope]: \"read:a/b/c\" is no scope",
        ),
        (json!({"scope": 1}), "token[scope]"),
        (
            json!({"expires_at": "soon"}),
            "token[expires_at]: \"soon\" is no time",
        ),
        (
            json!({"expires_at": "2001-01-01T00:00:00Z"}),
            "token[expires_at]: the end of the token is past",
        ),
    ] {
        let mut token = json!({"username": "rival"});
        let fields = token.as_object_mut().unwrap();
        fields.extend(limits.as_object().unwrap().clone());
        let body = Some(json!({"token": token}));
        let reply = fixture.mock(Method::POST, "/tokens", body).await;
        assert_eq!(reply.status, 422, "{}", reply.body);
        let said = reply.json()["errors"][0].as_str().unwrap().to_owned();
        assert!(said.starts_with(message), "{said}");
    }
}
