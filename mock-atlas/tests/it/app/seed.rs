//! Tests that an emulator starts with the roles and artifacts of the published example.

use std::path::Path;

use mock_atlas::Seed;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Fixture, Reply, program};

fn example() -> Seed {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/seed.example.toml");
    Seed::read(file).unwrap()
}

async fn fixture() -> Fixture {
    Fixture::with(|builder| builder.seed(example())).await
}

async fn ask(
    fixture: &Fixture,
    token: Option<&str>,
    method: Method,
    path: &str,
    body: Value,
) -> Reply {
    let mut request = fixture.anonymous(method, &format!("/api/v1{path}"));
    if let Some(token) = token {
        request = request.header("X-Atlas-Token", token);
    }
    if !body.is_null() {
        request = request.json(&body);
    }
    Reply::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn the_example_is_there_from_the_start() {
    let fixture = fixture().await;
    let get = |path| ask(&fixture, Some("amys-token"), Method::GET, path, Value::Null);
    let reply = get("/artifacts/acme/web/amazon.image/search?version=latest").await;
    let found = &reply.json()["versions"][0];
    assert_eq!(found["slug"], "acme/web/amazon.image/1");
    assert_eq!(found["id"], "eu-west-1:ami-1,us-east-1:ami-2");
    assert_eq!(found["metadata"]["region"], "eu-west-1,us-east-1");
    let reply = get("/artifacts/acme/web/amazon.image/search?build=7").await;
    assert_eq!(reply.json()["versions"].as_array().unwrap().len(), 1);
    let reply = get("/artifacts/acme/web/custom.image/latest/file").await;
    assert!(reply.body.contains("$schema"), "{}", reply.body);
    assert_eq!(
        get("/authenticate").await.body,
        r#"{"user":{"username":"amy"}}"#
    );

    let path = "/artifacts/acme/motd/custom.image/latest/file";
    let reply = ask(&fixture, None, Method::GET, path, Value::Null).await;
    assert_eq!((reply.status, &*reply.body), (StatusCode::OK, "Hello.\n"));

    let login = json!({"user": {"login": "amy", "password": "correct horse"}});
    let reply = ask(&fixture, None, Method::POST, "/authenticate", login).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn a_role_decides_what_a_member_sees_and_writes() {
    let seed = r#"{
        "users": [
            {"username": "reader", "tokens": [{"token": "read"}]},
            {"username": "writer", "tokens": [{"token": "write"}]},
            {"username": "boss", "tokens": [{"token": "admin"}]},
            {"username": "stranger", "tokens": [{"token": "none"}]}
        ],
        "organizations": [{"name": "acme", "members": [
            {"username": "reader", "role": "read"},
            {"username": "writer", "role": "write"},
            {"username": "boss", "role": "admin"}
        ]}],
        "artifacts": [{"name": "acme/web", "versions": [{"type": "x"}]}]
    }"#;
    let seed = Seed::from_json(seed).unwrap();
    let fixture = Fixture::with(|builder| builder.seed(seed)).await;
    for (token, reads, writes) in [
        (Some("read"), 200, 404),
        (Some("write"), 200, 200),
        (Some("admin"), 200, 200),
        (Some("none"), 404, 404),
        (Some("unknown"), 401, 401),
        (None, 404, 401),
    ] {
        let name = token.unwrap_or("anonymous");
        for path in ["/artifacts/acme/web", "/artifacts/acme/web/x/search"] {
            let reply = ask(&fixture, token, Method::GET, path, Value::Null).await;
            assert_eq!(reply.status, reads, "{name} {path}: {}", reply.body);
        }
        for (path, body) in [
            (
                "/artifacts",
                json!({"artifact": {"username": "acme", "name": name}}),
            ),
            (
                "/artifacts/acme/web/x",
                json!({"artifact_version": {"id": "i"}}),
            ),
        ] {
            let reply = ask(&fixture, token, Method::POST, path, body).await;
            assert_eq!(reply.status, writes, "{name} {path}: {}", reply.body);
        }
    }
    // A role in one organisation gives no permission in another.
    let body = json!({"artifact": {"username": "reader", "name": "web"}});
    let reply = ask(&fixture, Some("admin"), Method::POST, "/artifacts", body).await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn numbers_go_on_after_those_of_the_seed() {
    let fixture = fixture().await;
    let body = json!({"artifact_version": {"id": "i"}});
    let path = "/artifacts/acme/web/custom.image";
    let reply = ask(&fixture, Some("amys-token"), Method::POST, path, body).await;
    assert_eq!(reply.json()["version"], 2);
}

#[tokio::test]
async fn the_program_says_what_is_wrong_with_a_seed_and_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seed.toml");
    std::fs::write(&file, "[[users]]\nusername = \"a b\"\n").unwrap();
    let output = program().arg("--seed").arg(&file).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    let expected = format!("mock-atlas: {}:2:12: the name \"a b\"", file.display());
    assert!(message.starts_with(&expected), "{message}");
}
