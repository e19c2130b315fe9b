//! Tests that the emulator takes its time of day from a given clock.

use std::time::{Duration, SystemTime};

use mock_atlas::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{FILE, Fixture, Reply, upload_path};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Returns the values of one key in all elements of a list that `path` shows.
async fn values(fixture: &Fixture, path: &str, list: &str, key: &str) -> Value {
    let reply = fixture.mock(Method::GET, path, None).await.json();
    let elements = reply[list].as_array().unwrap();
    elements.iter().map(|one| one[key].clone()).collect()
}

async fn make_token(fixture: &Fixture, description: &str) {
    let token = json!({"token": {"username": "rival", "description": description}});
    let made = fixture.mock(Method::POST, "/tokens", Some(token)).await;
    assert_eq!(made.status, 200);
}

#[tokio::test]
async fn every_time_that_is_shown_is_the_clocks() {
    let clock = Clock::fixed(SystemTime::UNIX_EPOCH);
    let fixture = Fixture::with(|builder| builder.clock(clock.clone())).await;
    fixture.make_artifact("acme", "web").await;
    clock.advance(HOUR);
    fixture.make_version(json!({"file": true})).await;
    make_token(&fixture, "").await;
    clock.advance(HOUR);
    let [zero, one, two] = [0, 1, 2].map(|hour| format!("1970-01-01T0{hour}:00:00Z"));
    let since = async || values(&fixture, "/orphans", "orphans", "since").await;
    let tokens = async || values(&fixture, "/tokens", "tokens", "created_at").await;
    let requests = values(&fixture, "/requests", "requests", "time").await;
    assert_eq!(since().await, json!([one]));
    assert_eq!(tokens().await, json!([zero, zero, one]));
    assert_eq!(requests, json!([zero, one]));

    // A restore and a reset keep the clock, and a restored version keeps its time.
    let archive = fixture.request(Method::POST, "/_mock/snapshot");
    let archive = archive.send().await.unwrap().bytes().await.unwrap();
    let restore = fixture.request(Method::POST, "/_mock/restore");
    let restored = Reply::of(restore.body(archive).send().await.unwrap()).await;
    assert_eq!(restored.status, 204, "{restored:?}");
    make_token(&fixture, "").await;
    fixture.make_version(json!({"file": true})).await;
    assert_eq!(since().await, json!([one, two]));
    assert_eq!(tokens().await, json!([zero, zero, one, two]));
    fixture.mock(Method::POST, "/reset", None).await;
    make_token(&fixture, "").await;
    assert_eq!(tokens().await, json!([zero, zero, two]));
}

#[tokio::test]
async fn tokens_of_one_moment_are_listed_as_they_were_made() {
    let clock = Clock::fixed(SystemTime::UNIX_EPOCH);
    let fixture = Fixture::with(|builder| builder.clock(clock)).await;
    let names: Vec<String> = (0..9).map(|number| number.to_string()).collect();
    for name in &names {
        make_token(&fixture, name).await;
    }
    let listed = values(&fixture, "/tokens", "tokens", "description").await;
    assert_eq!(listed.as_array().unwrap()[2..], names);
}

#[tokio::test]
async fn an_upload_path_is_as_old_as_the_clock_says() {
    let clock = Clock::system();
    let change = |builder: mock_atlas::Builder| {
        builder
            .clock(clock.clone())
            .fault("upload:expire=60m".parse().unwrap())
    };
    let fixture = Fixture::with(change).await;
    fixture.make_artifact("acme", "web").await;
    let version = fixture.make_version(json!({"file": true})).await;
    assert_eq!(
        fixture.put(&upload_path(&version), b"bytes").await.status,
        200
    );
    clock.advance(HOUR);
    assert_eq!(
        fixture.put(&upload_path(&version), b"bytes").await.status,
        404
    );
    // The upload path of a new version has not expired.
    fixture.push(b"bytes").await;
    assert_eq!(fixture.get(&format!("{FILE}/2/file")).await.body, "bytes");
}
