//! Many at once.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::support::{FILE, Fixture, Reply, upload_path};

const WRITERS: usize = 8;
const EACH: usize = 25;

/// What one writer pushes, told apart by its content.
fn content(writer: usize, at: usize) -> String {
    format!("{writer}-{at}-").repeat(1000)
}

/// Makes a version with a file, or is refused because a reset came in between.
async fn push(fixture: &Fixture, content: String) -> Option<u64> {
    let made = fixture
        .post(FILE, json!({"artifact_version": {"id": "x", "file": true}}))
        .await;
    if made.status == 404 {
        return None;
    }
    let version = made.json();
    let put = fixture
        .http
        .put(upload_path(&version))
        .body(content)
        .send()
        .await
        .unwrap();
    (put.status() == 200).then(|| version["version"].as_u64().unwrap())
}

/// Downloads all that a search finds: each file is there and whole, or gone with a reset.
async fn read(fixture: &Fixture) {
    let reply = fixture.get(&format!("{FILE}/search")).await;
    if reply.status == 404 {
        return;
    }
    for version in reply.json()["versions"].as_array().unwrap() {
        let file = fixture
            .get(&format!("{FILE}/{}/file", version["version"]))
            .await;
        if file.status == 404 {
            continue;
        }
        let one = file.body.len() / 1000;
        assert_eq!(file.body, file.body[..one].repeat(1000));
    }
}

async fn write_all(fixture: &Fixture) -> Vec<Option<u64>> {
    let writer = async |writer| {
        let mut numbers = Vec::new();
        for at in 0..EACH {
            numbers.push(push(fixture, content(writer, at)).await);
        }
        numbers
    };
    let all = futures_util::future::join_all((0..WRITERS).map(writer)).await;
    all.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_is_given_twice_and_no_version_is_lost() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let numbers = write_all(&fixture).await;
    let distinct: BTreeSet<u64> = numbers.into_iter().flatten().collect();
    let expected: Vec<u64> = (1..=(WRITERS * EACH) as u64).rev().collect();
    assert_eq!(distinct.len(), expected.len());
    assert_eq!(fixture.found("").await, expected);
    read(&fixture).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_and_snapshots_among_writers_leave_nothing_half_visible() {
    let fixture = Fixture::new().await;
    let resets = async {
        for _ in 0..20 {
            let snapshot = fixture.request(Method::POST, "/_mock/snapshot");
            let snapshot = snapshot.send().await.unwrap().bytes().await.unwrap();
            let reset = fixture.mock(Method::POST, "/reset", None).await;
            assert_eq!(reset.status, 204);
            let artifact = json!({"artifact": {"username": "acme", "name": "web"}});
            fixture.post("/api/v1/artifacts", artifact).await;
            read(&fixture).await;
            let restore = fixture
                .request(Method::POST, "/_mock/restore")
                .body(snapshot);
            let reply = Reply::of(restore.send().await.unwrap()).await;
            assert_eq!(reply.status, 204, "{}", reply.body);
            read(&fixture).await;
        }
    };
    futures_util::future::join(write_all(&fixture), resets).await;
    read(&fixture).await;
    fixture.mock(Method::POST, "/reset", None).await;
    assert_eq!(fixture.get(&format!("{FILE}/search")).await.status, 404);
    let orphans = fixture.mock(Method::GET, "/orphans", None).await;
    assert_eq!(orphans.body, r#"{"orphans":[]}"#);
}
