//! Tests the start of emulators on a database, and their root token.

use atlas_common::servers::postgres::PostgresServer;
use mock_atlas::MockAtlas;
use reqwest::Method;
use rustix::process::Signal;
use serde_json::Value;

use super::{Shared, get};
use crate::support::{Fixture, http};

async fn reason(shared: &Shared) -> String {
    let started = shared.builder(MockAtlas::builder()).start().await;
    started.unwrap_err().to_string()
}

#[tokio::test]
async fn emulators_that_start_at_once_on_a_new_database_have_one_root_token() {
    let shared = Shared::new();
    let starts = (0..3).map(|_| shared.program(&[]));
    let started = futures_util::future::join_all(starts).await;
    let tokens: Vec<&str> = started
        .iter()
        .filter_map(|(_, announced)| announced["token"].as_str())
        .collect();
    let [token] = tokens[..] else {
        panic!("{tokens:?}");
    };
    for (_, announced) in &started {
        let url = announced["address"].as_str().unwrap();
        let asked = http().get(format!("{url}/api/v1/authenticate"));
        assert_eq!(asked.bearer_auth(token).send().await.unwrap().status(), 200);
        assert!(announced["data"].as_str().unwrap().contains(shared.name()));
    }
    for (program, _) in started {
        assert_eq!(program.stop(Signal::TERM).await, Some(0));
    }
}

#[tokio::test]
async fn the_same_root_token_again_changes_nothing_and_that_of_a_user_is_refused() {
    let shared = Shared::new();
    let first = shared.start().await;
    let token = first.anonymous(Method::POST, "/oauth2/token");
    let token = token
        .basic_auth("atlas", Some("ROOT"))
        .form(&[("grant_type", "client_credentials")]);
    let issued: Value = token.send().await.unwrap().json().await.unwrap();
    let access = issued["access_token"].as_str().unwrap();
    let again = shared.start().await;
    for fixture in [&first, &again] {
        let reply = get(fixture, "/api/v1/authenticate", access).await;
        assert_eq!(reply.status, 200);
    }
    let refused = shared.builder(MockAtlas::builder()).token("RIVAL");
    let reason = refused.start().await.unwrap_err().to_string();
    assert!(reason.contains("root token"), "{reason}");
    assert_eq!(
        get(&again, "/api/v1/authenticate", "ROOT").await.status,
        200
    );
}

#[tokio::test]
async fn everything_is_there_after_a_start_on_the_same_database() {
    let shared = Shared::new();
    let fixture = shared.start().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"the first file").await;
    fixture.atlas.stop().await;
    let again = shared.start().await;
    assert_eq!(again.found("").await, [1]);
    let rival = get(&again, "/api/v1/authenticate", "RIVAL").await;
    assert_eq!(rival.status, 200);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let shared = Shared::new();
    shared.start().await.atlas.stop().await;
    let server = PostgresServer::shared().unwrap();
    let newer = "UPDATE atlas_schema SET version = 99";
    server.run(shared.name(), newer).unwrap();
    let reason = reason(&shared).await;
    assert!(reason.contains("schema 99"), "{reason}");
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_named_without_its_password() {
    let files = tempfile::tempdir().unwrap();
    for url in [
        "postgres://amy:canary@127.0.0.1:1/atlas",
        "postgres://amy:canary@%2Fno%2Fsuch/atlas",
    ] {
        let url = url.to_owned();
        let shared = Shared {
            url,
            files: tempfile::tempdir_in(&files).unwrap(),
        };
        let reason = reason(&shared).await;
        assert!(reason.contains("postgres://amy@"), "{reason}");
        assert!(!reason.contains("canary"), "{reason}");
    }
}

#[tokio::test]
async fn each_atlas_may_have_a_schema_of_its_own_in_one_database() {
    let server = PostgresServer::shared().unwrap();
    let mut one = Shared::new();
    server
        .run(one.name(), "CREATE SCHEMA first; CREATE SCHEMA second")
        .unwrap();
    let plain = one.url.clone();
    let mut other = Shared::new();
    one.url = format!("{plain}?options=-c%20search_path%3Dfirst");
    other.url = format!("{plain}?options=-c%20search_path%3Dsecond");
    let fixtures: [Fixture; 2] = [one.start().await, other.start().await];
    fixtures[0].make_artifact("acme", "web").await;
    let path = "/api/v1/artifacts/acme/web";
    assert_eq!(fixtures[0].get(path).await.status, 200);
    assert_eq!(fixtures[1].get(path).await.status, 404);
}
