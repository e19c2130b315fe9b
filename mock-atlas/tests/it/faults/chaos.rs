//! Tests chaos, which draws random faults from a seed.

use mock_atlas::{Builder, MockAtlas};
use reqwest::Method;
use serde_json::json;

use super::{SEARCH, fixture};
use crate::support::{FILE, Fixture, http, persist, said, upload_path};

/// Returns the results of requests of one kind under chaos with `seed`: a status and the fault's name, or an
/// error where the connection broke.
async fn play(seed: u64) -> Vec<Result<(u16, Option<String>), ()>> {
    let change = |builder: Builder| builder.chaos(0.4).chaos_seed(seed);
    let fixture = Fixture::with(change).await;
    let mut came = Vec::new();
    for _ in 0..40 {
        // Each request has a new client, since a client retries by itself on a kept connection.
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
    let seed_header = async || {
        let reply = fixture.request(Method::GET, "/api/v1/token").send().await;
        let reply = reply.unwrap();
        let seed = reply.headers().get("x-mock-atlas-chaos-seed");
        seed.map(|seed| seed.to_str().unwrap().parse::<u64>().unwrap())
    };
    assert_eq!(
        (seed_header().await, fixture.atlas.chaos_seed()),
        (None, None)
    );
    let half = "search:reset,probability=0.5".parse().unwrap();
    let id = fixture.atlas.add_fault(half);
    let seed = fixture.atlas.chaos_seed();
    assert!(seed.is_some());
    assert_eq!(seed_header().await, seed);
    fixture.atlas.remove_fault(id);
    assert_eq!(fixture.atlas.chaos_seed(), None);
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
    persist(make).await.unwrap();
    for number in 1..=10 {
        let version = json!({"artifact_version": {"file": true}});
        let made = persist(|| fixture.request(Method::POST, FILE).json(&version)).await;
        let version = said(&made.unwrap());
        assert_eq!(version["version"], number);
        let url = upload_path(&version);
        persist(|| fixture.http.put(&url).body(vec![7; 300_000]))
            .await
            .unwrap();
    }
    let found = persist(|| fixture.request(Method::GET, SEARCH)).await;
    assert_eq!(
        said(&found.unwrap())["versions"].as_array().unwrap().len(),
        10
    );
    let orphans = fixture.mock(Method::GET, "/orphans", None).await;
    assert_eq!(orphans.body, r#"{"orphans":[]}"#);
    assert_eq!(fixture.atlas.chaos_seed(), Some(1));
}
