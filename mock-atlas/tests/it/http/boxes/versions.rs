//! Tests the versions of boxes: their numbers, their order, and their status.

use reqwest::Method;
use serde_json::json;

use super::*;
use crate::support::NOT_FOUND;

#[tokio::test]
async fn a_version_is_answered_in_the_recorded_order() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &[]).await;
    let body = json!({"version": {"version": "1.0.0", "description": "<b>d</b>"}});
    let path = "/api/v1/box/acme/web/versions";
    let reply = call(&fixture, Method::POST, path, Some(body)).await;
    assert_eq!(reply.status, 200);
    let made = reply.json();
    let (time, url) = (made["created_at"].as_str().unwrap(), fixture.atlas.url());
    let expected = format!(
        r#"{{"version":"1.0.0","status":"unreleased","description_html":"&lt;b&gt;d&lt;/b&gt;\n","description_markdown":"<b>d</b>","created_at":"{time}","updated_at":"{time}","number":"1.0.0","release_url":"{url}/api/v1/box/acme/web/version/1.0.0/release","revoke_url":"{url}/api/v1/box/acme/web/version/1.0.0/revoke","providers":[]}}"#
    );
    assert_eq!(reply.body.replace("<p>", "").replace("</p>", ""), expected);
    let path = "/api/v1/box/acme/web/version/1.0.0";
    assert_eq!(get(&fixture, path).await, reply);
}

#[tokio::test]
async fn versions_are_sorted_as_rubygems_sorts_them_the_newest_first() {
    let fixture = Fixture::new().await;
    let numbers = [
        "1.9.0",
        "1.10.0",
        "1.0.0.beta",
        "1.0.0",
        "202012.21.0",
        "1.18.2.2",
        "0.1",
        "1.10.0-rc1",
    ];
    make_box(&fixture, &numbers).await;
    let found = shown(&fixture, "/api/v2/box/acme/web").await;
    let sorted = [
        "202012.21.0",
        "1.18.2.2",
        "1.10.0",
        "1.10.0-rc1",
        "1.9.0",
        "1.0.0",
        "1.0.0.beta",
        "0.1",
    ];
    assert_eq!(each(&found["versions"], "version"), sorted);
    assert_eq!(each(&found["versions"], "number"), sorted);
}

#[tokio::test]
async fn a_version_that_cannot_be_is_refused_with_the_reason() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["1.0.0"]).await;
    let path = "/api/v2/box/acme/web/versions";
    let long = format!("1.{}", "0".repeat(50));
    for (body, words) in [
        (json!({}), "version parameter is required!"),
        (
            json!({"version": {}}),
            "version[version] parameter is required!",
        ),
        (
            json!({"version": {"version": "v1.2"}}),
            "none that RubyGems can parse",
        ),
        (json!({"version": {"version": ""}}), "version"),
        (
            json!({"version": {"version": long}}),
            "longer than 50 characters",
        ),
        (json!({"version": {"version": 1}}), "must be a string"),
        (
            json!({"version": {"version": "1.0.0"}}),
            "already been taken",
        ),
    ] {
        let message = refused(&fixture, Method::POST, path, Some(body), 422).await;
        assert!(message.contains(words), "{message}");
    }
    // Unique by their texts: RubyGems finds these equal.
    post(&fixture, path, json!({"version": {"version": "1.0"}})).await;
    for path in ["version/2.0.0", "version/v1", "version/1.0.0/provider/x"] {
        let reply = get(&fixture, &format!("/api/v2/box/acme/web/{path}")).await;
        assert_eq!((reply.status.as_u16(), &*reply.body), (404, NOT_FOUND));
    }
}

#[tokio::test]
async fn a_version_is_released_revoked_and_released_again() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["1.0.0"]).await;
    let status = async |method: &str| {
        let path = format!("{}/{method}", version_path("1.0.0"));
        done(&fixture, Method::PUT, &path, None).await["status"].clone()
    };
    let refuses = async |method: &str| {
        let path = format!("{}/{method}", version_path("1.0.0"));
        refused(&fixture, Method::PUT, &path, None, 422).await
    };
    assert!(refuses("release").await.contains("needs a provider"));
    assert!(refuses("revoke").await.contains("not active"));
    make_provider(&fixture, "1.0.0", json!({"name": "virtualbox"})).await;
    assert_eq!(status("release").await, "active");
    // Packer looks for these words, and takes them for a success.
    assert!(refuses("release").await.contains("already been released"));
    assert_eq!(status("revoke").await, "revoked");
    assert!(refuses("revoke").await.contains("not active"));
    assert_eq!(status("release").await, "active");
}

#[tokio::test]
async fn the_current_version_is_the_highest_active_one() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["3.0.0"]).await;
    let current = async || shown(&fixture, "/api/v2/box/acme/web").await["current_version"].clone();
    assert_eq!(current().await, json!(null));
    for (version, expected) in [
        ("1.9.0", "1.9.0"),
        ("1.10.0", "1.10.0"),
        ("1.2.0", "1.10.0"),
    ] {
        publish(&fixture, version, BYTES).await;
        assert_eq!(current().await["version"], expected);
    }
    let revoke = format!("{}/revoke", version_path("1.10.0"));
    done(&fixture, Method::PUT, &revoke, None).await;
    assert_eq!(current().await["version"], "1.9.0");
}

#[tokio::test]
async fn a_version_is_changed_renamed_and_deleted() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["1.0.0", "2.0.0"]).await;
    let path = version_path("1.0.0");
    let same = json!({"version": {"version": "1.0.0", "description": "d"}});
    assert_eq!(
        put(&fixture, &path, same).await["description_markdown"],
        "d"
    );
    done(&fixture, Method::PUT, &path, None).await;
    let taken = json!({"version": {"version": "2.0.0"}});
    let message = refused(&fixture, Method::PUT, &path, Some(taken), 422).await;
    assert!(message.contains("already been taken"), "{message}");
    let renamed = put(&fixture, &path, json!({"version": {"version": "1.5.0"}})).await;
    assert_eq!(
        (&renamed["version"], &renamed["description_markdown"]),
        (&json!("1.5.0"), &json!("d"))
    );
    assert_eq!(get(&fixture, &path).await.status, 404);
    let deleted = delete(&fixture, &version_path("1.5.0")).await;
    assert_eq!(deleted["version"], "1.5.0");
    let left = shown(&fixture, "/api/v2/box/acme/web").await;
    assert_eq!(each(&left["versions"], "version"), ["2.0.0"]);
}
