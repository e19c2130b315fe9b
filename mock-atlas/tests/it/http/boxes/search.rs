//! Tests searches among boxes, and the lists of users and organisations.

use reqwest::Method;
use serde_json::{Value, json};

use super::*;
use crate::support::NOT_FOUND;

/// Creates a box with a short description, and an active version with a provider.
async fn release(fixture: &Fixture, username: &str, name: &str, provider: Value) {
    let body = json!({"box": {"username": username, "name": name, "is_private": false,
        "short_description": format!("About {name}")}});
    post(fixture, "/api/v2/boxes", body).await;
    let path = format!("/api/v2/box/{username}/{name}");
    let version = json!({"version": {"version": "1.0.0"}});
    post(fixture, &format!("{path}/versions"), version).await;
    let version = format!("{path}/version/1.0.0");
    post(
        fixture,
        &format!("{version}/providers"),
        json!({ "provider": provider }),
    )
    .await;
    done(fixture, Method::PUT, &format!("{version}/release"), None).await;
}

/// Creates three boxes of two users, `one`, `two` and `three`, and one that is not released.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let amd64 =
        json!({"name": "virtualbox", "architecture": "amd64", "url": "https://files.test/a"});
    let arm64 =
        json!({"name": "virtualbox", "architecture": "arm64", "url": "https://files.test/a"});
    let libvirt =
        json!({"name": "libvirt", "architecture": "amd64", "url": "https://files.test/a"});
    release(&fixture, "acme", "one", amd64).await;
    release(&fixture, "acme", "two", arm64).await;
    release(&fixture, "rival", "three", libvirt).await;
    make_box(&fixture, &["1.0.0"]).await;
    fixture
}

async fn names(fixture: &Fixture, token: Option<&str>, query: &str) -> Vec<String> {
    let path = format!("/api/v2/search?{query}");
    let reply = call_as(fixture, token, Method::GET, &path, None).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.body);
    each(&reply.json()["boxes"], "name")
}

#[tokio::test]
async fn a_search_finds_boxes_with_an_active_version_by_text_provider_and_architecture() {
    let fixture = fixture().await;
    for (query, expected) in [
        ("", &["one", "two", "three"][..]),
        ("q=", &["one", "two", "three"]),
        ("q=ACME", &["one", "two"]),
        ("q=acme/one", &["one"]),
        ("q=thr", &["three"]),
        ("q=About+two", &["two"]),
        ("q=none", &[]),
        ("provider=virtualbox", &["one", "two"]),
        ("provider=virtualbox&architecture=arm64", &["two"]),
        ("architecture=amd64", &["one", "three"]),
        ("provider=libvirt&architecture=arm64", &[]),
        ("limit=2", &["one", "two"]),
        ("limit=2&page=2", &["three"]),
        ("limit=2&page=3", &[]),
        ("sort=created&order=asc", &["one", "two", "three"]),
        ("sort=created&order=desc", &["three", "two", "one"]),
    ] {
        assert_eq!(names(&fixture, None, query).await, expected, "{query}");
    }
    let path = "/api/v1/search?architecture=arm64";
    let reply = call_as(&fixture, None, Method::GET, path, None).await;
    assert_eq!(each(&reply.json()["boxes"], "name").len(), 3);
}

#[tokio::test]
async fn a_reply_has_no_other_key_and_its_boxes_have_a_current_version_and_no_versions() {
    let fixture = fixture().await;
    for api in ["v1", "v2"] {
        let found = shown(&fixture, &format!("/api/{api}/search?q=one")).await;
        let keys: Vec<&String> = found.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["boxes"]);
        let of = &found["boxes"][0];
        assert_eq!(of["current_version"]["version"], "1.0.0");
        assert!(of.get("versions").is_none());
        let provider = &of["current_version"]["providers"][0];
        assert_eq!(provider.get("architecture").is_some(), api == "v2");
    }
}

#[tokio::test]
async fn boxes_are_sorted_by_downloads_unless_told_and_a_change_makes_one_the_newest() {
    let fixture = fixture().await;
    let file = "/rival/boxes/three/versions/1.0.0/providers/libvirt.box";
    let client = reqwest::Client::builder().no_proxy();
    let client = client.redirect(reqwest::redirect::Policy::none()).build();
    let url = format!("{}{file}", fixture.atlas.url());
    client.unwrap().get(url).send().await.unwrap();
    assert_eq!(names(&fixture, None, "").await, ["three", "one", "two"]);
    assert_eq!(
        names(&fixture, None, "order=asc").await,
        ["one", "two", "three"]
    );
    put(
        &fixture,
        "/api/v2/box/acme/one",
        json!({"box": {"description": "new"}}),
    )
    .await;
    assert_eq!(names(&fixture, None, "sort=updated").await[0], "one");
}

#[tokio::test]
async fn private_boxes_are_found_by_those_who_may_read_them() {
    let fixture = fixture().await;
    put(
        &fixture,
        "/api/v2/box/rival/three",
        json!({"box": {"is_private": true}}),
    )
    .await;
    assert_eq!(names(&fixture, None, "").await, ["one", "two"]);
    assert_eq!(names(&fixture, Some("RIVAL"), "").await.len(), 3);
    let bad = call_as(&fixture, Some("bad"), Method::GET, "/api/v2/search", None).await;
    assert_eq!(bad.status, 401);
}

#[tokio::test]
async fn a_query_without_meaning_is_refused_and_a_page_has_a_hundred_boxes_at_most() {
    let fixture = fixture().await;
    for query in ["sort=x", "order=x", "limit=0", "limit=x", "page=0"] {
        let path = format!("/api/v2/search?{query}");
        let message = refused(&fixture, Method::GET, &path, None, 422).await;
        assert!(
            message.contains(query.split('=').next().unwrap()),
            "{message}"
        );
    }
    assert_eq!(names(&fixture, None, "limit=100000").await.len(), 3);
}

#[tokio::test]
async fn a_user_has_every_box_that_the_caller_may_read_without_versions() {
    let fixture = fixture().await;
    for api in ["v1", "v2"] {
        let path = format!("/api/{api}/user/acme");
        let reply = call_as(&fixture, None, Method::GET, &path, None).await;
        let start = r#"{"username":"acme","avatar_url":null,"profile_html":null,"profile_markdown":null,"boxes":[{"created_at":"#;
        assert!(reply.body.starts_with(start), "{}", reply.body);
        let found = reply.json();
        // The one that is not released is there, too.
        assert_eq!(
            each(&found["boxes"], "tag"),
            ["acme/one", "acme/two", "acme/web"]
        );
        assert!(found["boxes"][0].get("versions").is_none());
    }
    put(
        &fixture,
        "/api/v2/box/acme/one",
        json!({"box": {"is_private": true}}),
    )
    .await;
    let found = call_as(
        &fixture,
        Some("RIVAL"),
        Method::GET,
        "/api/v2/user/acme",
        None,
    )
    .await;
    assert_eq!(each(&found.json()["boxes"], "name"), ["two", "web"]);
}

#[tokio::test]
async fn a_user_without_boxes_is_there_and_a_name_that_nobody_has_is_not() {
    let fixture = Fixture::new().await;
    for (token, name, status) in [
        (None, "rival", 200),
        (Some("RIVAL"), "rival", 200),
        (None, "nobody", 404),
        (Some("RIVAL"), "nobody", 404),
        // Root may write there.
        (Some("ROOT"), "nobody", 200),
    ] {
        let path = format!("/api/v2/user/{name}");
        let reply = call_as(&fixture, token, Method::GET, &path, None).await;
        assert_eq!(reply.status, status, "{token:?} {name}");
        match status {
            200 => assert_eq!(reply.json()["boxes"], json!([])),
            _ => assert_eq!(reply.body, NOT_FOUND),
        }
    }
}
