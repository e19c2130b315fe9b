//! Tests uploads: `PUT` to an `upload_path`.

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Method};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{FILE, Fixture, Reply, upload_path};

const MIB: usize = 1024 * 1024;

/// Returns a body of unknown length, and its bytes. The size of its parts does not divide a chunk of the store.
fn chunked(bytes: usize) -> (Body, Vec<u8>) {
    let all: Vec<u8> = (0..bytes).map(|i| (i % 251) as u8).collect();
    let parts: Vec<_> = all
        .chunks(70_001)
        .map(|part| Ok::<_, std::io::Error>(Bytes::copy_from_slice(part)))
        .collect();
    (Body::wrap_stream(stream::iter(parts)), all)
}

async fn download(fixture: &Fixture, version: &str) -> Vec<u8> {
    let path = format!("{FILE}/{version}/file");
    let response = fixture.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn bytes_come_back_as_they_were_sent_with_a_length_or_chunked() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    for number in ["1", "2"] {
        let version = fixture.make_version(json!({"id": "x", "file": true})).await;
        let (body, all) = chunked(3 * MIB + 17);
        let request = fixture.http.put(upload_path(&version));
        let request = if number == "1" {
            request.body(all.clone())
        } else {
            request.body(body)
        };
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, "{}"));
        assert!(download(&fixture, number).await == all);
    }
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"").await;
    assert_eq!(fixture.found("version=latest").await, [1]);
    assert!(download(&fixture, "1").await.is_empty());
}

#[tokio::test]
async fn neither_token_nor_query_matters_to_an_upload() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let version = fixture.make_version(json!({"id": "x", "file": true})).await;
    let request = fixture
        .http
        .put(format!("{}?access_token=none&x=y", upload_path(&version)))
        .header("X-Atlas-Token", "none")
        .body("bytes");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_same_bytes_again_succeed_and_others_are_refused() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let url = upload_path(&fixture.push(b"one").await);
    assert_eq!(fixture.put(&url, b"one").await.status, 200);
    assert_eq!(fixture.put(&url, b"two").await.status, 409);
    assert_eq!(download(&fixture, "latest").await, b"one");
}

#[tokio::test]
async fn an_upload_that_nobody_announced_is_refused() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let without = fixture
        .make_version(json!({"id": "x", "file": false}))
        .await;
    assert_eq!(
        fixture.put(&upload_path(&without), b"bytes").await.status,
        422
    );
    for path in ["2ff9d0e5-3a8d-4a66-9a3e-5f0b6f1a2b3c", "x", "%ff"] {
        let url = format!("{}/_binstore/{path}", fixture.atlas.url());
        assert_eq!(fixture.put(&url, b"bytes").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_however_it_is_sent() {
    let fixture = Fixture::with(|builder| builder.max_file_bytes(MIB as u64)).await;
    fixture.make_artifact("acme", "web").await;
    let url = upload_path(&fixture.make_version(json!({"id": "x", "file": true})).await);
    for bytes in [MIB + 1, 5 * MIB] {
        let (body, all) = chunked(bytes);
        assert_eq!(
            fixture
                .http
                .put(&url)
                .body(all)
                .send()
                .await
                .unwrap()
                .status(),
            413
        );
        assert_eq!(
            fixture
                .http
                .put(&url)
                .body(body)
                .send()
                .await
                .unwrap()
                .status(),
            413
        );
    }
    assert!(fixture.found("").await.is_empty());
    let (_, all) = chunked(MIB);
    assert_eq!(
        fixture
            .http
            .put(&url)
            .body(all)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

/// Sends the head of an upload and a part of its body, and breaks the connection.
async fn break_off(fixture: &Fixture, url: &str, framing: &str, part: &[u8]) {
    let host = fixture.atlas.url().strip_prefix("http://").unwrap();
    let path = url.strip_prefix(fixture.atlas.url()).unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nHost: {host}\r\n{framing}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(part).await.unwrap();
    stream.shutdown().await.unwrap();
    // The end of the connection shows that the emulator is done with the upload, whatever it answered.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn a_broken_connection_leaves_nothing_and_the_upload_can_be_repeated() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let url = upload_path(&fixture.make_version(json!({"id": "x", "file": true})).await);
    let half = vec![7; 100_000];
    break_off(&fixture, &url, "Content-Length: 200000", &half).await;
    break_off(
        &fixture,
        &url,
        "Transfer-Encoding: chunked",
        b"5\r\nbytes\r\n",
    )
    .await;
    break_off(&fixture, &url, "Transfer-Encoding: chunked", b"5\r\nby").await;
    assert!(fixture.found("").await.is_empty());
    assert_eq!(fixture.get(&format!("{FILE}/1/file")).await.status, 404);
    assert_eq!(fixture.put(&url, b"whole").await.status, 200);
    assert_eq!(download(&fixture, "1").await, b"whole");
}

#[tokio::test]
async fn an_upload_is_visible_only_when_it_is_complete() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let url = upload_path(&fixture.make_version(json!({"id": "x", "file": true})).await);
    let (parts, body) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let body = Body::wrap_stream(stream::unfold(body, async |mut body| {
        Some((body.recv().await?, body))
    }));
    let upload = tokio::spawn(fixture.http.put(&url).body(body).send());
    for _ in 0..100 {
        parts
            .send(Ok(Bytes::from_static(&[1; 10_000])))
            .await
            .unwrap();
        assert!(fixture.found("").await.is_empty());
    }
    drop(parts);
    assert_eq!(upload.await.unwrap().unwrap().status(), 200);
    assert_eq!(fixture.found("").await, [1]);
}

#[tokio::test]
async fn a_part_of_a_file_is_not_taken_for_the_whole() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let version = fixture.make_version(json!({"id": "x", "file": true})).await;
    let request = fixture
        .http
        .put(upload_path(&version))
        .header("Content-Range", "bytes 5-9/10")
        .body("56789");
    assert_eq!(request.send().await.unwrap().status(), 400);
    assert!(fixture.found("").await.is_empty());
}

#[tokio::test]
async fn an_upload_is_answered_with_the_digest_of_its_file() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let version = fixture.make_version(json!({"id": "x", "file": true})).await;
    let request = fixture.http.put(upload_path(&version)).body("abc");
    assert_eq!(
        request.send().await.unwrap().headers()["etag"],
        "\"blake3-6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85\""
    );
}

#[tokio::test]
async fn a_client_that_writes_all_before_it_reads_learns_why_it_was_refused() {
    let fixture = Fixture::new().await;
    let host = fixture.atlas.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let body = vec![0; 20 * MIB];
    let head = format!(
        "PUT /_binstore/x HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut reply = [0; 12];
    stream.read_exact(&mut reply).await.unwrap();
    assert_eq!(&reply, b"HTTP/1.1 404");
}
