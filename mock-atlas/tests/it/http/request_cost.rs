//! Tests that a single request costs the emulator so little that other requests do not wait for it.

use std::future::poll_fn;
use std::pin::pin;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use mock_atlas::{MockAtlas, Seed};
use reqwest::Method;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::archive::{archive, entries, restore, snapshot};
use crate::support::{FILE, Fixture, Reply};

/// Starts an emulator with an artifact.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture
}

/// Returns metadata with this number of keys.
fn metadata(keys: usize) -> Value {
    (0..keys)
        .map(|key| (format!("region.{key}"), json!("ami")))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[tokio::test]
async fn metadata_has_a_thousand_keys_at_most_however_it_comes() {
    const MESSAGE: &str = "metadata has more than the 1000 keys that this emulator takes";
    const IMAGES: &str = "/api/v1/artifacts/acme/web/amazon.image";
    let fixture = fixture().await;
    let body = |keys| json!({"artifact_version": {"metadata": metadata(keys)}});
    let most = fixture.post(IMAGES, body(1000)).await;
    // Atlas adds two keys itself.
    assert_eq!(most.json()["metadata"].as_object().unwrap().len(), 1002);
    let refused = fixture.post(IMAGES, body(1001)).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["errors"], json!([MESSAGE]));
    // Decoding stops at the limit of values, so a far larger body costs no more.
    let refused = fixture.post(IMAGES, body(20_000)).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("more than the 10000 values"));

    let seed = |keys| {
        let version = json!({"type": "custom.image", "metadata": metadata(keys)});
        Some(json!({"artifacts": [{"name": "acme/seeded", "versions": [version]}]}))
    };
    let refused = fixture.mock(Method::POST, "/seed", seed(1001)).await;
    let message = format!("artifacts[0].versions[0].metadata: {MESSAGE}");
    assert_eq!(refused.json()["errors"], json!([message]));
    let applied = fixture.mock(Method::POST, "/seed", seed(1000)).await;
    assert_eq!(applied.status, 204, "{applied:?}");

    let mut entries = entries(&snapshot(&fixture).await);
    let restored = restore(&fixture, archive(&entries)).await;
    assert_eq!(restored.status, 204, "{restored:?}");
    let mut manifest: Value = serde_json::from_slice(&entries[0].1).unwrap();
    let types = &mut manifest["artifacts"][2]["types"];
    types[0]["versions"][0]["metadata"] = metadata(1003);
    entries[0].1 = manifest.to_string().into_bytes();
    let refused = restore(&fixture, archive(&entries)).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains(MESSAGE), "{refused:?}");
}

#[tokio::test]
async fn a_body_has_ten_thousand_values_at_most_as_json_and_as_a_form() {
    const MOST: usize = 10_000;
    let fixture = fixture().await;
    let send = async |content_type: &str, body: String| {
        let request = fixture.request(Method::POST, "/api/v1/artifacts");
        let request = request.header("Content-Type", content_type).body(body);
        Reply::of(request.send().await.unwrap()).await
    };
    // The artifact and its two names are three values, and the list itself is the fourth.
    let json = |values: usize| {
        let artifact = json!({"username": "acme", "name": format!("json-{values}")});
        json!({"artifact": artifact, "list": vec![0; values - 4]}).to_string()
    };
    let form = |values: usize| {
        let rest = "&x=1".repeat(values - 2);
        format!("artifact[username]=acme&artifact[name]=form-{values}{rest}")
    };
    let as_form = "application/x-www-form-urlencoded";
    for (content_type, body) in [
        ("application/json", &json as &dyn Fn(usize) -> String),
        (as_form, &form),
    ] {
        let taken = send(content_type, body(MOST)).await;
        assert_eq!(taken.status, 200, "{taken:?}");
        let refused = send(content_type, body(MOST + 1)).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        let message = "The body has more than the 10000 values that this emulator reads.";
        assert_eq!(refused.json()["errors"], json!([message]));
    }
}

#[tokio::test]
async fn a_search_has_a_hundred_filters_at_most() {
    let fixture = fixture().await;
    fixture.make_version(json!({"metadata": {"k": "v"}})).await;
    let filters = |count: usize| {
        let filters = (1..=count).map(|at| format!("metadata.{at}.key=k&metadata.{at}.value=v"));
        filters.collect::<Vec<_>>().join("&")
    };
    assert_eq!(fixture.found(&filters(100)).await, [1]);
    let refused = fixture
        .get(&format!("{FILE}/search?{}", filters(101)))
        .await;
    assert_eq!(refused.status, 422);
    let message = "metadata: a search may have at most 100 filters here";
    assert_eq!(refused.json()["errors"], json!([message]));
}

/// Searches among versions with this metadata, and returns the numbers of the versions found, and how often the
/// search was polled.
async fn turns(metadata: impl Iterator<Item = Value>, query: &str) -> (Vec<u64>, usize) {
    let versions = metadata.map(|it| json!({"type": "custom.image", "metadata": it}));
    let versions = versions.collect::<Vec<_>>();
    let seed = json!({"artifacts": [{"name": "acme/web", "versions": versions}]});
    let seed = Seed::from_json(&seed.to_string()).unwrap();
    let router = MockAtlas::builder()
        .token("ROOT")
        .seed(seed)
        .router()
        .unwrap();
    let request = Request::get(format!("{FILE}/search?{query}"));
    let request = request.header("X-Atlas-Token", "ROOT").body(Body::empty());
    let mut reply = pin!(router.oneshot(request.unwrap()));
    let mut turns = 0;
    // The emulator runs in this task, so each poll runs until the search yields.
    let reply = poll_fn(|context| {
        turns += 1;
        reply.as_mut().poll(context)
    });
    let body = to_bytes(reply.await.unwrap().into_body(), usize::MAX).await;
    let found: Value = serde_json::from_slice(&body.unwrap()).unwrap();
    let numbers = found["versions"].as_array().unwrap().iter();
    let numbers = numbers.map(|version| version["version"].as_u64().unwrap());
    (numbers.collect(), turns)
}

#[tokio::test]
async fn a_search_for_many_versions_lets_others_have_their_turn() {
    const MANY: u64 = 1200;
    let metadata = vec![json!({"k": "v"}); MANY as usize];
    let (numbers, turns) = turns(metadata.into_iter(), "metadata.1.key=k").await;
    assert!(numbers.into_iter().eq((1..=MANY).rev()));
    assert!(turns >= 3, "it was asked to go on {turns} times");
}

#[tokio::test]
async fn a_search_that_looks_at_much_and_finds_nothing_lets_others_have_their_turn() {
    let metadata = (0..1200).map(|at| json!({format!("k{}", at % 2): "v", "k": "v"}));
    let keys = (1..=98).map(|at| format!("&metadata.{at}.key=k"));
    let common = keys.collect::<String>();
    let query = format!("metadata.99.key=k0&metadata.100.key=k1{common}");
    for select in ["", "&version=any"] {
        let (numbers, turns) = turns(metadata.clone(), &format!("{query}{select}")).await;
        assert_eq!(numbers, [] as [u64; 0]);
        assert!(turns >= 3, "it was asked to go on {turns} times");
    }
}
