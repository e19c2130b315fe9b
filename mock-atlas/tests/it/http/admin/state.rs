//! Tests `/_mock/reset`, `/_mock/seed` and `/_mock/health`.

use mock_atlas::Seed;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{FILE, Fixture, Reply, begin_upload, upload_path};

const SEED: &str = r#"{
    "users": [{"username": "amy", "tokens": [{"token": "AMY"}]}],
    "artifacts": [{"name": "acme/web", "versions": [
        {"type": "custom.image", "id": "seeded", "file": {"text": "seeded"}}
    ]}]
}"#;

async fn fixture() -> Fixture {
    let seed = Seed::from_json(SEED).unwrap();
    Fixture::with(|builder| builder.seed(seed)).await
}

async fn reset(fixture: &Fixture) {
    let reply = fixture.mock(Method::POST, "/reset", None).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT, "{}", reply.body);
}

async fn apply(fixture: &Fixture, seed: Value) -> Reply {
    fixture.mock(Method::POST, "/seed", Some(seed)).await
}

async fn status_with(fixture: &Fixture, token: &str, path: &str) -> u16 {
    let request = fixture.anonymous(Method::GET, path).bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_reset_goes_back_to_the_state_after_the_start_seed_included() {
    let fixture = fixture().await;
    fixture.push(b"later").await;
    fixture.make_artifact("acme", "other").await;
    fixture.make_version(json!({"file": true})).await;
    let body = json!({"token": {"username": "amy"}});
    let made = fixture.mock(Method::POST, "/tokens", Some(body)).await;
    let made = made.json()["token"].as_str().unwrap().to_owned();
    let tokens = fixture.mock(Method::GET, "/tokens", None).await.json();
    let amys = tokens["tokens"][2]["id"].as_str().unwrap().to_owned();
    fixture
        .mock(Method::DELETE, &format!("/tokens/{amys}"), None)
        .await;
    fixture
        .mock(Method::DELETE, "/artifacts/acme/public", None)
        .await;

    for _ in 0..2 {
        reset(&fixture).await;
        assert_eq!(fixture.found("").await, [1]);
        let file = fixture.get(&format!("{FILE}/latest/file")).await;
        assert_eq!(file.body, "seeded");
        for (path, status) in [
            ("/api/v1/artifacts/acme/other", 404),
            ("/api/v1/artifacts/acme/public", 200),
        ] {
            assert_eq!(fixture.get(path).await.status, status, "{path}");
        }
        let token = "/api/v1/token";
        assert_eq!(status_with(&fixture, "AMY", token).await, 200);
        assert_eq!(status_with(&fixture, "RIVAL", token).await, 200);
        assert_eq!(status_with(&fixture, &made, token).await, 401);
        let orphans = fixture.mock(Method::GET, "/orphans", None).await;
        assert_eq!(orphans.body, r#"{"orphans":[]}"#);
        // Numbers start again from those of the seed.
        assert_eq!(fixture.push(b"again").await["version"], 2);
    }
}

#[tokio::test]
async fn an_upload_under_way_into_the_old_state_is_refused() {
    let fixture = fixture().await;
    let version = fixture.make_version(json!({"file": true})).await;
    let url = upload_path(&version);
    let mut stream = begin_upload(
        &url,
        "Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n",
    )
    .await;
    // `100 Continue` shows that the upload is under way.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    reset(&fixture).await;
    stream.write_all(b"bytes").await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 404"), "{reply}");
    assert_eq!(fixture.found("").await, [1]);
    assert_eq!(fixture.put(&url, b"bytes").await.status, 404);
}

#[tokio::test]
async fn a_seed_can_be_added_and_a_reset_takes_it_away() {
    let fixture = fixture().await;
    let seed = json!({
        "users": [{"username": "bob", "tokens": [{"token": "BOB"}]}],
        "organizations": [{"name": "acme", "members": [
            {"username": "bob", "role": "read"}, {"username": "amy", "role": "write"}
        ]}],
        "artifacts": [{"name": "acme/new", "versions": [
            {"type": "x", "file": {"base64": "AP8="}}
        ]}]
    });
    let reply = apply(&fixture, seed).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT, "{}", reply.body);
    // A member of the new organisation also sees the artifacts that existed before.
    for path in ["web/custom.image", "new/x"] {
        let path = format!("/api/v1/artifacts/acme/{path}/latest/file");
        assert_eq!(status_with(&fixture, "BOB", &path).await, 200, "{path}");
        assert_eq!(status_with(&fixture, "AMY", &path).await, 200, "{path}");
        assert_eq!(status_with(&fixture, "RIVAL", &path).await, 404, "{path}");
    }
    let path = "/api/v1/artifacts/acme/new/x/latest/file";
    let bytes = fixture.request(Method::GET, path).send().await.unwrap();
    assert_eq!(&bytes.bytes().await.unwrap()[..], [0, 255]);

    reset(&fixture).await;
    assert_eq!(status_with(&fixture, "BOB", path).await, 401);
    assert_eq!(fixture.get(path).await.status, 404);
}

#[tokio::test]
async fn of_a_seed_with_a_mistake_nothing_is_added() {
    let fixture = fixture().await;
    for (mistake, place) in [
        (json!({"artifacts": [{"name": "acme/web"}]}), "artifacts[0]"),
        (json!({"users": [{"username": "amy"}]}), "users[0]"),
        (
            json!({"artifacts": [{"name": "acme/b", "versions": [{"type": "x", "file": {"path": "/etc/passwd"}}]}]}),
            "artifacts[0].versions[0].file",
        ),
        (json!({"colour": "red"}), "line 1, column "),
    ] {
        let mut seed = mistake;
        seed["organizations"] = json!([{"name": "neworg"}]);
        let reply = apply(&fixture, seed).await;
        assert_eq!(reply.status, 422, "{}", reply.body);
        let message = reply.json()["errors"][0].as_str().unwrap().to_owned();
        assert!(message.starts_with(place), "{message}");
    }
    let reply = apply(&fixture, json!({"organizations": [{"name": "neworg"}]})).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT, "{}", reply.body);
}

#[tokio::test]
async fn health_needs_no_token_and_all_else_needs_the_root_token() {
    let fixture = fixture().await;
    let request = fixture.anonymous(Method::GET, "/_mock/health");
    let reply = Reply::of(request.send().await.unwrap()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["status"], "ready");
    for (method, path) in [
        (Method::POST, "reset"),
        (Method::POST, "seed"),
        (Method::GET, "orphans"),
        (Method::DELETE, "artifacts/acme/web"),
        (Method::DELETE, "artifacts/acme/web/custom.image/1"),
    ] {
        let ask = || fixture.anonymous(method.clone(), &format!("/_mock/{path}"));
        for request in [ask(), ask().bearer_auth("AMY"), ask().bearer_auth("other")] {
            assert_eq!(request.send().await.unwrap().status(), 401, "{path}");
        }
    }
    assert_eq!(fixture.found("").await, [1]);
}
