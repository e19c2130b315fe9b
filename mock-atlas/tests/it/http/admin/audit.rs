//! Tests `/_mock/audit` and `mock-atlas audit`: who changed what, and who tried.

use mock_atlas::MockAtlas;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{FILE, Fixture, Reply, printed, upload_path};

async fn entries(fixture: &Fixture, query: &str) -> Vec<Value> {
    let reply = fixture
        .mock(Method::GET, &format!("/audit?{query}"), None)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()["entries"].as_array().unwrap().clone()
}

fn facts(entry: &Value) -> (String, String, Value, Value) {
    let text = |key: &str| entry[key].as_str().unwrap().to_owned();
    (
        text("method"),
        text("path"),
        entry["username"].clone(),
        entry["status"].clone(),
    )
}

/// Makes an artifact and a version with a file, and one change that is refused; reads in between.
async fn change(fixture: &Fixture) {
    fixture.make_artifact("acme", "web").await;
    let version = fixture.make_version(json!({"id": "x", "file": true})).await;
    assert_eq!(
        fixture.put(&upload_path(&version), b"bytes").await.status,
        200
    );
    fixture.get("/api/v1/artifacts/acme/web").await;
    let refused = fixture
        .anonymous(Method::POST, FILE)
        .bearer_auth("RIVAL")
        .header("X-Forwarded-For", "198.51.100.1")
        .header("X-Forwarded-For", "192.0.2.7")
        .json(&json!({"artifact_version": {}}));
    assert_eq!(refused.send().await.unwrap().status(), 404);
    let deleted = fixture
        .mock(Method::DELETE, "/artifacts/acme/web/custom.image/1", None)
        .await;
    assert_eq!(deleted.status, 204);
}

async fn check_changes(fixture: &Fixture) {
    let all = entries(fixture, "").await;
    let expected = [
        ("POST", "/api/v1/artifacts", json!("atlas"), json!(200)),
        ("POST", FILE, json!("atlas"), json!(200)),
        ("PUT", "/_binstore/{secret}", Value::Null, json!(200)),
        ("POST", FILE, json!("rival"), json!(404)),
        (
            "DELETE",
            "/_mock/artifacts/acme/web/custom.image/1",
            json!("atlas"),
            json!(204),
        ),
    ];
    assert_eq!(all.len(), expected.len(), "{all:#?}");
    for (entry, (method, path, username, status)) in all.iter().zip(expected) {
        let found = facts(entry);
        assert_eq!(
            (&*found.0, &found.2, &found.3),
            (method, &username, &status)
        );
        match path.strip_suffix("{secret}") {
            // The secret of an upload path is no part of an entry.
            Some(start) => assert!(
                found.1.starts_with(start) && found.1.len() < 40,
                "{}",
                found.1
            ),
            None => assert_eq!(found.1, path),
        }
        assert_eq!(entry["address"], "127.0.0.1");
        assert!(!entry["request"].as_str().unwrap().is_empty());
    }
    assert_eq!(all[1]["version"], "acme/web/custom.image/1");
    assert_eq!(all[2]["version"], "acme/web/custom.image/1");
    assert_eq!(all[3]["forwarded_for"], "198.51.100.1, 192.0.2.7");
    let tokens = fixture.mock(Method::GET, "/tokens", None).await.json();
    let id_of = |username: &str| {
        let mut all = tokens["tokens"].as_array().unwrap().iter();
        all.find(|token| token["username"] == username).unwrap()["id"].clone()
    };
    assert_eq!(all[0]["token"], id_of("atlas"));
    assert_eq!(all[3]["token"], id_of("rival"));

    let of_rival = entries(fixture, "user=rival").await;
    assert_eq!(of_rival, all[3..4]);
    let page = entries(fixture, "after=1&limit=2").await;
    assert_eq!(page, all[1..3]);
    let since = all[3]["time"].as_str().unwrap();
    let since = entries(fixture, &format!("since={since}")).await;
    assert_eq!(since.last(), all.last());
    assert!(
        entries(fixture, "since=2999-01-01T00:00:00Z")
            .await
            .is_empty()
    );
    assert!(
        entries(fixture, "until=2001-01-01T00:00:00Z")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn changes_and_refused_changes_are_in_the_audit_and_reads_are_not() {
    let fixture = Fixture::new().await;
    change(&fixture).await;
    check_changes(&fixture).await;
}

#[tokio::test]
async fn a_folder_keeps_the_audit() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::with(|builder| builder.data(folder.path())).await;
    change(&fixture).await;
    check_changes(&fixture).await;
    // Closing writes what waits.
    fixture.make_artifact("acme", "last").await;
    fixture.atlas.stop().await;
    let fixture = Fixture::with(|builder| builder.data(folder.path())).await;
    let all = entries(&fixture, "").await;
    assert_eq!(all.len(), 6, "{all:#?}");
    assert_eq!(facts(&all[5]).1, "/api/v1/artifacts");
}

#[tokio::test]
async fn a_reset_is_part_of_the_audit_which_goes_on() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    assert_eq!(fixture.mock(Method::POST, "/reset", None).await.status, 204);
    let all = entries(&fixture, "").await;
    let paths: Vec<_> = all.iter().map(|entry| facts(entry).1).collect();
    assert_eq!(paths, ["/api/v1/artifacts", "/_mock/reset"]);
}

#[tokio::test]
async fn a_login_tells_whose_it_is_and_none_of_its_secrets() {
    let fixture = Fixture::new().await;
    for (password, status) in [("secret", 200), ("canary", 401)] {
        let login = json!({"user": {"login": "rival", "password": password}});
        let request = fixture
            .anonymous(Method::POST, "/api/v1/authenticate")
            .json(&login);
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.status, status, "{}", reply.body);
    }
    let all = entries(&fixture, "").await;
    assert_eq!(all[0]["username"], "rival");
    assert!(all[0]["token"].is_string());
    assert_eq!(
        all.len(),
        1,
        "anybody could fill the audit with such: {all:?}"
    );
    let text = json!(all).to_string();
    assert!(
        !text.contains("canary") && !text.contains("secret"),
        "{text}"
    );
}

#[tokio::test]
async fn whoever_begins_the_upload_of_a_box_or_revokes_a_token_is_in_the_audit() {
    let fixture = Fixture::new().await;
    let provider = fixture.push_box().await;
    let begun = fixture.get(&format!("{provider}/upload")).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    let made = fixture
        .mock(
            Method::POST,
            "/tokens",
            Some(json!({"token": {"username": "rival"}})),
        )
        .await;
    let revoked = format!("/tokens/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(
        fixture.mock(Method::DELETE, &revoked, None).await.status,
        204
    );
    let anonymous = fixture.anonymous(Method::POST, "/api/v1/artifacts");
    assert_eq!(anonymous.send().await.unwrap().status(), 401);
    let all = entries(&fixture, "").await;
    let last: Vec<_> = all.iter().rev().take(3).rev().map(facts).collect();
    let of_root = |method: &str, path: &str, status: u16| {
        (
            method.to_owned(),
            path.to_owned(),
            json!("atlas"),
            json!(status),
        )
    };
    assert_eq!(
        last,
        [
            of_root("GET", &format!("{provider}/upload"), 200),
            of_root("POST", "/_mock/tokens", 200),
            of_root("DELETE", &format!("/_mock{revoked}"), 204),
        ]
    );
}

/// Returns the lines that `mock-atlas audit` prints.
async fn lines(atlas: &MockAtlas, arguments: &[&str]) -> Vec<String> {
    let all = [&["audit"], arguments].concat();
    printed(atlas, &all)
        .await
        .lines()
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn the_command_prints_every_page() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    for _ in 0..1001 {
        fixture.make_version(json!({"id": "x"})).await;
    }
    let text = lines(&fixture.atlas, &["--since", "1h"]).await;
    assert_eq!(text.len(), 1002);
    assert!(text[0].contains("POST  /api/v1/artifacts"), "{}", text[0]);
    let json = lines(&fixture.atlas, &["--json", "--user", "atlas"]).await;
    assert_eq!(json.len(), 1002);
    let last: Value = serde_json::from_str(&json[1001]).unwrap();
    assert_eq!(last["version"], "acme/web/custom.image/1001");
    assert!(lines(&fixture.atlas, &["--user", "rival"]).await.is_empty());
    assert!(lines(&fixture.atlas, &["--until", "1h"]).await.is_empty());
}
