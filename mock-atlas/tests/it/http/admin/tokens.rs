//! Tests `/_mock/tokens`, and that the paths below `/_mock` require the root token.

use reqwest::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::support::program::Program;
use crate::support::{Fixture, NOT_FOUND, Reply, http};

async fn whoami(fixture: &Fixture, token: &str) -> Reply {
    let request = fixture
        .anonymous(Method::GET, "/api/v1/authenticate")
        .bearer_auth(token);
    Reply::of(request.send().await.unwrap()).await
}

async fn make(fixture: &Fixture, username: &str, description: &str) -> Value {
    let body = json!({"token": {"username": username, "description": description}});
    let reply = fixture.mock(Method::POST, "/tokens", Some(body)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

async fn listed(fixture: &Fixture) -> Vec<Value> {
    let reply = fixture.mock(Method::GET, "/tokens", None).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()["tokens"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_token_is_made_for_a_user_listed_without_its_value_and_revoked() {
    let fixture = Fixture::new().await;
    let made = make(&fixture, "rival", "ci").await;
    let value = made["token"].as_str().unwrap();
    let id = made["id"].as_str().unwrap();
    assert_eq!(
        whoami(&fixture, value).await.body,
        r#"{"user":{"username":"rival"}}"#
    );

    let all = listed(&fixture).await;
    assert_eq!(all.len(), 3, "{all:?}");
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("token");
    // It was used in between.
    assert_eq!(expected["last_used_at"], Value::Null);
    expected["last_used_at"] = all.last().unwrap()["last_used_at"].clone();
    assert!(expected["last_used_at"].is_string(), "{all:?}");
    assert_eq!(*all.last().unwrap(), expected);
    assert!(!id.contains(value) && !value.contains(id));
    let created = made["created_at"].as_str().unwrap();
    assert!(created.ends_with('Z') && created.len() >= 20, "{created}");

    let path = format!("/tokens/{id}");
    let revoked = fixture.mock(Method::DELETE, &path, None).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    assert_eq!(whoami(&fixture, value).await.status, 401);
    assert_eq!(whoami(&fixture, "RIVAL").await.status, 200);
    assert_eq!(
        fixture.mock(Method::DELETE, &path, None).await.body,
        NOT_FOUND
    );
    assert_eq!(listed(&fixture).await.len(), 2);
}

#[tokio::test]
async fn a_login_keeps_its_description() {
    let fixture = Fixture::new().await;
    let login = json!({"user": {"login": "rival", "password": "secret", "description": "mine"}});
    let reply = fixture.post("/api/v1/authenticate", login).await;
    let value = reply.json()["token"].as_str().unwrap().to_owned();
    let all = listed(&fixture).await;
    let last = all.last().unwrap();
    assert_eq!(
        (&last["username"], &last["description"]),
        (&json!("rival"), &json!("mine"))
    );
    assert!(!json!(all).to_string().contains(&value));
}

#[tokio::test]
async fn the_root_token_cannot_be_revoked() {
    let fixture = Fixture::new().await;
    let root = listed(&fixture).await[0].clone();
    assert_eq!(root["username"], "atlas");
    let path = format!("/tokens/{}", root["id"].as_str().unwrap());
    let reply = fixture.mock(Method::DELETE, &path, None).await;
    assert_eq!(reply.status, 422, "{}", reply.body);
    assert_eq!(whoami(&fixture, "ROOT").await.status, 200);
}

#[tokio::test]
async fn root_may_have_further_tokens_which_may_do_everything() {
    let fixture = Fixture::new().await;
    let made = make(&fixture, "atlas", "second").await;
    let request = fixture
        .anonymous(Method::GET, "/_mock/tokens")
        .bearer_auth(made["token"].as_str().unwrap());
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_token_for_nobody_says_so() {
    let fixture = Fixture::new().await;
    for (body, message) in [
        (json!({}), "token parameter is required!"),
        (
            json!({"token": {}}),
            "token[username] parameter is required!",
        ),
        (
            json!({"token": {"username": "eve"}}),
            "token[username]: there is no user of this name",
        ),
    ] {
        let reply = fixture.mock(Method::POST, "/tokens", Some(body)).await;
        assert_eq!(reply.status, 422, "{}", reply.body);
        assert_eq!(reply.json()["errors"], json!([message]));
    }
    let bad = json!({"token": {"username": "a/b"}});
    let reply = fixture.mock(Method::POST, "/tokens", Some(bad)).await;
    assert_eq!(reply.status, 422, "{}", reply.body);
}

#[tokio::test]
async fn the_emulators_own_api_is_for_the_root_token_in_each_of_its_places() {
    let fixture = Fixture::new().await;
    let ask = |path: &str| fixture.anonymous(Method::GET, path);
    for request in [
        ask("/_mock/tokens").header("X-Atlas-Token", "ROOT"),
        ask("/_mock/tokens").bearer_auth("ROOT"),
        ask("/_mock/tokens?access_token=ROOT"),
    ] {
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    for request in [
        ask("/_mock/tokens"),
        ask("/_mock/tokens").header("X-Atlas-Token", "other"),
        ask("/_mock/tokens").header("X-Atlas-Token", "RIVAL"),
        ask("/_mock/tokens?access_token=RIVAL"),
        fixture
            .anonymous(Method::POST, "/_mock/tokens")
            .bearer_auth("RIVAL"),
        fixture
            .anonymous(Method::DELETE, "/_mock/tokens/x")
            .bearer_auth("RIVAL"),
    ] {
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.status, 401, "{}", reply.body);
    }
}

#[tokio::test]
async fn no_log_shows_a_token_or_a_password_of_a_seed_or_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seed.json");
    let seed = r#"{"users": [{"username": "amy", "password": "canary-password",
        "tokens": [{"token": "canary-token"}]}]}"#;
    std::fs::write(&file, seed).unwrap();
    let arguments = [
        "--log",
        "trace",
        "--token",
        "canary-root",
        "--seed",
        file.to_str().unwrap(),
    ];
    let mut program = Program::serve(&arguments, &[]);
    let address = program.json().await["address"].as_str().unwrap().to_owned();
    let api = format!("{address}/api/v1/authenticate");
    let mock = format!("{address}/_mock/tokens");
    let login = json!({"user": {"login": "amy", "password": "canary-password"}});
    let token = json!({"token": {"username": "amy"}});
    let mut values = Vec::new();
    for request in [
        http().get(&api).bearer_auth("canary-token"),
        http().get(&api).bearer_auth("canary-unknown"),
        http().get(&mock).header("X-Atlas-Token", "canary-root"),
        http().post(&api).json(&login),
        http().post(&mock).bearer_auth("canary-root").json(&token),
    ] {
        let reply = Reply::of(request.send().await.unwrap()).await;
        values.extend(reply.json()["token"].as_str().map(str::to_owned));
        assert!(!reply.body.contains("canary"), "{}", reply.body);
    }
    assert_eq!(values.len(), 2);

    let mut stderr = program.child.stderr.take().unwrap();
    assert_eq!(program.stop(Signal::TERM).await, Some(0));
    let mut log = String::new();
    stderr.read_to_string(&mut log).await.unwrap();
    assert!(log.contains("/_mock/tokens"), "{log}");
    assert!(!log.contains("canary"), "{log}");
    assert!(values.iter().all(|value| !log.contains(value)), "{log}");
}
