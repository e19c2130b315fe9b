//! Tests the list of orphans, and the deletion of artifacts and versions.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{FILE, Fixture, begin_upload, upload_path};

async fn orphans(fixture: &Fixture) -> Vec<Value> {
    let reply = fixture.mock(Method::GET, "/orphans", None).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()["orphans"].as_array().unwrap().clone()
}

async fn delete(fixture: &Fixture, path: &str) -> StatusCode {
    let path = format!("/artifacts/{path}");
    fixture.mock(Method::DELETE, &path, None).await.status
}

/// Begins an upload of nine bytes and sends four.
async fn half_upload(url: &str) -> TcpStream {
    let mut stream = begin_upload(url, "Content-Length: 9\r\nConnection: close\r\n").await;
    stream.write_all(b"half").await.unwrap();
    stream
}

async fn until_partial(fixture: &Fixture) -> Value {
    loop {
        let all = orphans(fixture).await;
        if all[0]["received"] == 4 {
            return all[0].clone();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_version_is_an_orphan_until_its_file_is_there() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.make_version(json!({"id": "none"})).await;
    let version = fixture.make_version(json!({"id": "x", "file": true})).await;
    let all = orphans(&fixture).await;
    assert_eq!(all.len(), 1);
    let since = all[0]["since"].clone();
    let expected = json!({"slug": "acme/web/custom.image/2", "id": "x", "state": "reserved",
        "received": 0, "announced": null, "since": since});
    assert_eq!(all[0], expected);

    let stream = half_upload(&upload_path(&version)).await;
    let partial = until_partial(&fixture).await;
    let expected = json!({"slug": "acme/web/custom.image/2", "id": "x", "state": "partial",
        "received": 4, "announced": 9, "since": since});
    assert_eq!(partial, expected);
    // The orphan stays the same when the upload breaks off.
    drop(stream);
    assert_eq!(until_partial(&fixture).await, expected);

    assert_eq!(
        fixture.put(&upload_path(&version), b"bytes").await.status,
        200
    );
    assert!(orphans(&fixture).await.is_empty());
}

#[tokio::test]
async fn a_deleted_version_is_not_found_and_its_number_is_not_given_again() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"one").await;
    let second = fixture.push(b"two").await;
    let path = "acme/web/custom.image/2";
    assert_eq!(delete(&fixture, path).await, StatusCode::NO_CONTENT);
    assert_eq!(delete(&fixture, path).await, StatusCode::NOT_FOUND);
    assert_eq!(fixture.found("").await, [1]);
    assert_eq!(
        fixture.get(&format!("{FILE}/latest/file")).await.body,
        "one"
    );
    assert_eq!(fixture.get(&format!("{FILE}/2/file")).await.status, 404);
    assert_eq!(fixture.put(&upload_path(&second), b"two").await.status, 404);
    fixture.push(b"three").await;
    assert_eq!(fixture.found("").await, [3, 1]);
}

#[tokio::test]
async fn a_deleted_artifact_refuses_the_upload_that_is_under_way() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let version = fixture.make_version(json!({"file": true})).await;
    let mut stream = half_upload(&upload_path(&version)).await;
    until_partial(&fixture).await;
    assert_eq!(delete(&fixture, "acme/web").await, StatusCode::NO_CONTENT);
    assert_eq!(delete(&fixture, "acme/web").await, StatusCode::NOT_FOUND);
    stream.write_all(b"bytes").await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 404"), "{reply}");

    // The name can be used again, and its numbers continue.
    fixture.make_artifact("acme", "web").await;
    assert_eq!(fixture.found("").await, [] as [u64; 0]);
    assert_eq!(fixture.push(b"two").await["version"], 2);
}

#[tokio::test]
async fn what_is_no_artifact_or_version_cannot_be_deleted() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    for path in [
        "acme/other",
        "acme/web/custom.image/1",
        "acme/web/custom.image/latest",
        "acme/web/custom.image/%2B1",
    ] {
        assert_eq!(delete(&fixture, path).await, 404, "{path}");
    }
}
