//! Tests `/_mock/channels` and `mock-atlas channel`, and channels in the place of a version.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{FILE, Fixture, Reply, kept, printed, run};

const CHANNELS: &str = "/_mock/channels/acme/web";
const PRODUCTION: &str = "/_mock/channels/acme/web/custom.image/production";

async fn ask(fixture: &Fixture, token: &str, method: Method, path: &str, version: u64) -> Reply {
    let mut request = fixture.anonymous(method.clone(), path);
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    if method == Method::PUT {
        request = request.json(&json!({"channel": {"version": version}}));
    }
    Reply::of(request.send().await.unwrap()).await
}

async fn set(fixture: &Fixture, version: u64) -> Reply {
    ask(fixture, "ROOT", Method::PUT, PRODUCTION, version).await
}

async fn search(fixture: &Fixture, version: &str) -> String {
    let found = fixture
        .get(&format!("{FILE}/search?version={version}"))
        .await;
    assert_eq!(found.status, 200, "{}", found.body);
    found.body
}

async fn pushed() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"first").await;
    fixture.push(b"second").await;
    fixture
}

fn versions(reply: &Reply) -> Vec<u64> {
    let reply = reply.json();
    let changes = reply["changes"].as_array().unwrap().iter();
    changes
        .map(|one| one["version"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_channel_stands_for_its_version_in_searches_and_downloads() {
    let fixture = pushed().await;
    let file = format!("{FILE}/production/file");
    let unknown = [
        search(&fixture, "production").await,
        search(&fixture, "V7").await,
    ];
    assert_eq!(unknown[0], unknown[1]);
    assert_eq!(unknown[0], r#"{"versions":[]}"#);
    let no_file = fixture.get(&file).await;
    assert_eq!(no_file, fixture.get(&format!("{FILE}/V7/file")).await);
    assert_eq!(no_file.status, 404);

    for (version, bytes) in [(1, "first"), (2, "second")] {
        let changed = set(&fixture, version).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        let number = search(&fixture, &version.to_string()).await;
        assert_eq!(search(&fixture, "production").await, number);
        assert_eq!(search(&fixture, "production&build=7").await, number);
        assert_eq!(fixture.get(&file).await.body, bytes);
    }
    let filtered = search(&fixture, "production&metadata.1.key=os").await;
    assert_eq!(filtered, r#"{"versions":[]}"#);
    // Other types and artifacts have their own.
    let other = fixture.get("/api/v1/artifacts/acme/web/other/search?version=production");
    assert_eq!(other.await.body, r#"{"versions":[]}"#);
    let other = fixture.get("/api/v1/artifacts/acme/db/custom.image/search?version=production");
    assert_eq!(other.await.status, 404);

    let removed = ask(&fixture, "ROOT", Method::DELETE, PRODUCTION, 0).await;
    assert_eq!(removed.status, 204);
    assert_eq!(search(&fixture, "production").await, unknown[0]);
    assert_eq!(fixture.get(&file).await, no_file);
}

#[tokio::test]
async fn a_channel_goes_back_and_tells_its_history() {
    let fixture = pushed().await;
    for version in [1, 2, 2] {
        assert_eq!(set(&fixture, version).await.json()["version"], version);
    }
    let back = format!("{PRODUCTION}/rollback");
    let reply = ask(&fixture, "ROOT", Method::POST, &back, 0).await;
    assert_eq!(reply.json()["version"], 1);
    let shown = ask(&fixture, "ROOT", Method::GET, PRODUCTION, 0).await;
    assert_eq!(shown, reply);
    assert_eq!(versions(&shown), [1, 2, 1]);
    let last = &shown.json()["changes"][2];
    assert_eq!(
        (&last["username"], &last["back_to"]),
        (&json!("atlas"), &json!(1))
    );
    let nothing = ask(&fixture, "ROOT", Method::POST, &back, 0).await;
    assert_eq!(nothing.status, 409);
    assert!(
        nothing.body.contains("no earlier version"),
        "{}",
        nothing.body
    );
    let listed = ask(&fixture, "ROOT", Method::GET, CHANNELS, 0).await.json();
    let channel = &listed["channels"][0];
    assert_eq!(
        (&channel["type"], &channel["channel"], &channel["version"]),
        (&json!("custom.image"), &json!("production"), &json!(1))
    );
    // Changes are in the audit, and reads are not.
    let audit = fixture.mock(Method::GET, "/audit", None).await.json();
    let entries = audit["entries"].as_array().unwrap().iter();
    let of_channels = |entry: &&Value| entry["path"].as_str().unwrap().starts_with(PRODUCTION);
    let entries: Vec<_> = entries
        .filter(of_channels)
        .map(|entry| (entry["method"].as_str().unwrap(), entry["status"].clone()))
        .collect();
    let put = ("PUT", json!(200));
    let expected = [
        put.clone(),
        put.clone(),
        put,
        ("POST", json!(200)),
        ("POST", json!(409)),
    ];
    assert_eq!(entries, expected);
}

#[tokio::test]
async fn only_names_and_versions_that_can_be_are_set() {
    let fixture = pushed().await;
    fixture.make_version(json!({"id": "x", "file": true})).await;
    for (path, version, message) in [
        ("custom.image/latest", 1, "must be another name"),
        ("custom.image/Prod", 1, "a small letter"),
        ("custom.image/7", 1, "a small letter"),
        ("custom.image/production", 3, "its file has not come"),
        ("custom.image/production", 9, "there is no version 9"),
        ("vagrant.box/production", 1, "a vagrant.box has no channels"),
    ] {
        let path = format!("{CHANNELS}/{path}");
        let refused = ask(&fixture, "ROOT", Method::PUT, &path, version).await;
        assert_eq!(refused.status, 422, "{path}: {}", refused.body);
        assert!(refused.body.contains(message), "{}", refused.body);
    }
    let nothing = fixture
        .request(Method::PUT, PRODUCTION)
        .json(&json!({"channel": {}}));
    assert_eq!(nothing.send().await.unwrap().status(), 422);
    for (method, path) in [
        (Method::GET, PRODUCTION.to_owned()),
        (Method::DELETE, PRODUCTION.to_owned()),
        (Method::POST, format!("{PRODUCTION}/rollback")),
    ] {
        assert_eq!(ask(&fixture, "ROOT", method, &path, 0).await.status, 404);
    }
}

#[tokio::test]
async fn whoever_may_write_may_set_and_whoever_may_read_may_look() {
    let fixture = pushed().await;
    let token = async |scope: &str| {
        let body = json!({"token": {"username": "atlas", "scope": scope}});
        let made = fixture.mock(Method::POST, "/tokens", Some(body)).await;
        made.json()["token"].as_str().unwrap().to_owned()
    };
    let (ci, reader) = (token("write:acme/web").await, token("read:acme/web").await);
    let other = token("write:acme/db").await;
    for (token, status) in [
        ("", 401),
        ("nonsense", 401),
        ("RIVAL", 404),
        (&*reader, 404),
        (&*other, 404),
        (&*ci, 200),
    ] {
        let changed = ask(&fixture, token, Method::PUT, PRODUCTION, 1).await;
        assert_eq!(changed.status, status, "{}", changed.body);
    }
    for (token, list, history) in [
        ("", 404, 401),
        ("RIVAL", 404, 404),
        (&*other, 404, 404),
        (&*reader, 200, 200),
        (&*ci, 200, 200),
    ] {
        let listed = ask(&fixture, token, Method::GET, CHANNELS, 0).await;
        assert_eq!(listed.status, list);
        let shown = ask(&fixture, token, Method::GET, PRODUCTION, 0).await;
        assert_eq!(shown.status, history);
    }
    for (token, status) in [("RIVAL", 404), (&*reader, 404), (&*ci, 204)] {
        let removed = ask(&fixture, token, Method::DELETE, PRODUCTION, 0).await;
        assert_eq!(removed.status, status);
    }
    // Of what is public, everybody sees the channels.
    let public = ask(&fixture, "", Method::GET, "/_mock/channels/acme/public", 0).await;
    assert_eq!(
        public.json(),
        json!({"artifact": "acme/public", "channels": []})
    );
}

#[tokio::test]
async fn a_version_with_a_channel_is_neither_deleted_nor_removed_by_retention() {
    let fixture = pushed().await;
    fixture.push(b"third").await;
    assert_eq!(set(&fixture, 1).await.status, 200);
    let delete = async |number: u64| {
        let path = format!("/artifacts/acme/web/custom.image/{number}");
        fixture.mock(Method::DELETE, &path, None).await
    };
    let refused = delete(1).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.body.contains("here production."),
        "{}",
        refused.body
    );

    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    let text = "[[artifact]]\nname = \"acme/web\"\nkeep_last = 1\n";
    std::fs::write(&rules, text).unwrap();
    let rules = rules.to_str().unwrap();
    let applied = printed(&fixture.atlas, &["retention", rules, "--apply"]).await;
    assert!(
        applied.contains("1 stays, since a channel points at it"),
        "{applied}"
    );
    assert_eq!(fixture.found("").await, [3, 1]);
    assert_eq!(set(&fixture, 3).await.status, 200);
    assert_eq!(delete(1).await.status, 204);
}

#[tokio::test]
async fn a_restart_a_backup_and_a_move_keep_channels_and_a_check_compares_them() {
    let fill = async |fixture: &Fixture| {
        fixture.make_artifact("acme", "web").await;
        fixture.push(b"first").await;
        fixture.push(b"second").await;
        for version in [1, 2] {
            assert_eq!(set(fixture, version).await.status, 200);
        }
    };
    let show = async |of: &Fixture| ask(of, "ROOT", Method::GET, PRODUCTION, 0).await;
    let remove = async |of: &Fixture| {
        let removed = ask(of, "ROOT", Method::DELETE, PRODUCTION, 0).await;
        assert_eq!(removed.status, 204);
    };
    let (moved, shown) = kept::by_every_move(fill, show, remove).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let damage = kept::damage_by(&moved, "UPDATE channel SET version = 7").await;
    assert_eq!(damage.what, "acme/web/custom.image/production");
}

#[tokio::test]
async fn the_program_promotes_with_the_token_of_a_user() {
    let fixture = pushed().await;
    let body = json!({"token": {"username": "atlas", "scope": "write:acme/web"}});
    let made = fixture.mock(Method::POST, "/tokens", Some(body)).await;
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let channel = async |arguments: &[&str]| {
        let arguments = [&["channel"], arguments].concat();
        let output = run(&fixture.atlas, &token, &arguments).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let of = "acme/web:custom.image";
    assert_eq!(channel(&["set", of, "production", "1"]).await, "1\n");
    assert_eq!(channel(&["set", of, "production", "2"]).await, "2\n");
    let history = channel(&["history", of, "production"]).await;
    let words: Vec<&str> = history.split_whitespace().collect();
    assert_eq!((words.len(), words[2], words[8]), (10, "atlas", "2"));
    assert_eq!(channel(&["rollback", of, "production"]).await, "1\n");
    let listed = channel(&["list", "acme/web"]).await;
    assert!(
        listed.starts_with("custom.image  production  1  "),
        "{listed}"
    );
    assert_eq!(channel(&["list", "acme/web:other"]).await, "");
    channel(&["remove", of, "production"]).await;
    assert_eq!(channel(&["list", of]).await, "");
    for wrong in ["acme", "acme/web", "acme/web:", "acme/web:a/b", "a/b/c:d"] {
        let arguments = ["channel", "set", wrong, "production", "1"];
        let output = run(&fixture.atlas, "ROOT", &arguments).await;
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}
