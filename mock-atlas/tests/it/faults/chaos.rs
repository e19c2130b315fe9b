//! Chaos, and many faults at a time.

use bytes::Bytes;
use mock_atlas::{Builder, MockAtlas};
use reqwest::Method;
use serde_json::{Value, json};

use super::{SEARCH, fired, fixture};
use crate::support::{FILE, Fixture, http, upload_path};

/// What so many requests of one kind come to, with the same seed: a status, or that it broke.
async fn play(seed: u64) -> Vec<Result<(u16, Option<String>), ()>> {
    let change = |builder: Builder| builder.chaos(0.4).chaos_seed(seed);
    let fixture = Fixture::with(change).await;
    let mut came = Vec::new();
    for _ in 0..40 {
        // A new client each time: one that keeps connections tries again by itself.
        let url = format!("{}/api/v1/token", fixture.atlas.url());
        let reply = http().get(url).header("X-Atlas-Token", "ROOT").send().await;
        came.push(reply.map_err(drop).map(|reply| {
            let header = |name| Some(reply.headers().get(name)?.to_str().unwrap().to_owned());
            assert_eq!(header("x-mock-atlas-chaos-seed"), Some(seed.to_string()));
            (reply.status().as_u16(), header("x-mock-atlas-fault"))
        }));
    }
    came
}

#[tokio::test]
async fn chaos_is_the_same_for_the_same_seed_and_says_which() {
    let (first, again, other) = tokio::join!(play(42), play(42), play(43));
    assert_eq!(first, again);
    assert_ne!(first, other);
    let faulty = |it: &&Result<(u16, Option<String>), ()>| !matches!(it, Ok((_, None)));
    let count = first.iter().filter(faulty).count();
    assert!((5..30).contains(&count), "{first:?}");
    assert!(first.contains(&Err(())), "{first:?}");
}

#[tokio::test]
async fn chaos_must_be_a_probability() {
    for chaos in [-0.1, 1.1, f64::NAN] {
        let error = MockAtlas::builder().chaos(chaos).router().unwrap_err();
        assert!(error.to_string().starts_with("chaos must be"), "{error}");
    }
    assert_eq!(MockAtlas::start().await.unwrap().chaos_seed(), None);
}

#[tokio::test]
async fn the_seed_is_told_as_soon_as_anything_is_drawn_from_it() {
    let fixture = fixture(&["authenticate:status=503,times=1"]).await;
    let told = async || {
        let reply = fixture.request(Method::GET, "/api/v1/token").send().await;
        let reply = reply.unwrap();
        let seed = reply.headers().get("x-mock-atlas-chaos-seed");
        seed.map(|seed| seed.to_str().unwrap().parse::<u64>().unwrap())
    };
    assert_eq!((told().await, fixture.atlas.chaos_seed()), (None, None));
    let half = "search:reset,probability=0.5".parse().unwrap();
    let id = fixture.atlas.add_fault(half);
    let seed = fixture.atlas.chaos_seed();
    assert!(seed.is_some());
    assert_eq!(told().await, seed);
    fixture.atlas.remove_fault(id);
    assert_eq!(fixture.atlas.chaos_seed(), None);
}

/// What it says, or `null` if it says nothing.
fn said(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// Asks until an answer is good, and JSON if it says so.
async fn until_200(request: impl Fn() -> reqwest::RequestBuilder) -> Bytes {
    loop {
        let Ok(reply) = request().send().await else {
            continue;
        };
        let is_good = reply.status() == 200;
        let is_json = reply.headers()["content-type"] == "application/json";
        match reply.bytes().await {
            Ok(body) if is_good && !(is_json && said(&body).is_null()) => break body,
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_client_that_tries_again_comes_through_chaos_to_the_same_end() {
    let change = |builder: Builder| builder.chaos(0.5).chaos_seed(1);
    let fixture = Fixture::with(change).await;
    let artifact = json!({"artifact": {"username": "acme", "name": "web"}});
    let make = || {
        fixture
            .request(Method::POST, "/api/v1/artifacts")
            .json(&artifact)
    };
    until_200(make).await;
    for number in 1..=10 {
        let version = json!({"artifact_version": {"file": true}});
        let version = until_200(|| fixture.request(Method::POST, FILE).json(&version)).await;
        let version = said(&version);
        assert_eq!(version["version"], number);
        until_200(|| fixture.http.put(upload_path(&version)).body(contents(7))).await;
    }
    let found = until_200(|| fixture.request(Method::GET, SEARCH)).await;
    assert_eq!(said(&found)["versions"].as_array().unwrap().len(), 10);
    let orphans = fixture.mock(Method::GET, "/orphans", None).await;
    assert_eq!(orphans.body, r#"{"orphans":[]}"#);
    assert_eq!(fixture.atlas.chaos_seed(), Some(1));
}

/// The same bytes all over, so that a part of another file would be seen.
fn contents(of: u8) -> Bytes {
    vec![of; 300_000].into()
}

async fn write(fixture: &Fixture, writer: u8) -> Vec<u64> {
    let mut numbers = Vec::new();
    for _ in 0..5 {
        let body = json!({"artifact_version": {"id": writer.to_string(), "file": true}});
        let made = until_200(|| fixture.request(Method::POST, FILE).json(&body)).await;
        let made = said(&made);
        let url = upload_path(&made);
        until_200(|| fixture.http.put(&url).body(contents(writer))).await;
        numbers.push(made["version"].as_u64().unwrap());
    }
    numbers
}

/// Whatever a search finds has its whole file.
async fn read(fixture: &Fixture) {
    let found = said(&until_200(|| fixture.request(Method::GET, SEARCH)).await);
    for version in found["versions"].as_array().unwrap() {
        let path = format!("{FILE}/{}/file", version["version"]);
        let file = until_200(|| fixture.request(Method::GET, &path)).await;
        let writer = version["id"].as_str().unwrap().parse().unwrap();
        assert!(file == contents(writer), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_write_through_faults_none_loses_a_version_and_none_is_half_visible() {
    let fixture = fixture(&[
        "upload:no-reply,every=5",
        "upload:cut-after=100000,every=7",
        "upload:discard=503,every=4",
        "upload:malformed,every=3",
        "search:malformed,every=3",
        "download:reset,every=9",
        "version.create:reset,every=6",
    ])
    .await;
    let fixture = &fixture;
    let writers = futures_util::future::join_all((1..=6).map(|writer| write(fixture, writer)));
    let readers = async {
        loop {
            read(fixture).await;
        }
    };
    let mut numbers: Vec<u64> = tokio::select! {
        written = writers => written.concat(),
        () = readers => Vec::new(),
    };
    numbers.sort_unstable();
    assert_eq!(numbers, Vec::from_iter(1..=30));
    assert!(fired(fixture)[..4].iter().all(|times| *times > 0));
    fixture.atlas.clear_faults();
    assert_eq!(fixture.found("").await.len(), 30);
    read(fixture).await;
}
