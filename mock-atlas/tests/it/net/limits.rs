//! Tests the limits that keep one client from using up the time, the uploads or the memory of others.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use mock_atlas::{Builder, MockAtlas, Seed};
use reqwest::{Body, Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::trusting;
use crate::support::{FILE, Fixture, Reply, upload_path};

const MIB: usize = 1024 * 1024;

/// Starts an emulator with these limits and an artifact.
async fn limited(limits: impl FnOnce(Builder) -> Builder) -> Fixture {
    let fixture = Fixture::with(limits).await;
    fixture.make_artifact("acme", "web").await;
    fixture
}

async fn new_upload(fixture: &Fixture) -> String {
    upload_path(&fixture.make_version(json!({"file": true})).await)
}

async fn connect(fixture: &Fixture) -> TcpStream {
    let host = fixture.atlas.url().strip_prefix("http://").unwrap();
    TcpStream::connect(host).await.unwrap()
}

/// Sends a request on a new connection, and returns all that is received until the connection ends.
async fn said(fixture: &Fixture, request: &str) -> String {
    let mut stream = connect(fixture).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

/// Begins an upload whose parts the test sends one by one.
fn begin(fixture: &Fixture, url: &str) -> (Sender<Bytes>, JoinHandle<Reply>) {
    let (parts, body) = channel::<Bytes>(1);
    let body = stream::unfold(body, async |mut body| Some((body.recv().await?, body)));
    let body = Body::wrap_stream(body.map(Ok::<_, std::io::Error>));
    let upload = fixture.http.put(url).body(body).send();
    let upload = tokio::spawn(async { Reply::of(upload.await.unwrap()).await });
    (parts, upload)
}

/// Waits until this number of bytes of the first version's file have been received.
async fn received(fixture: &Fixture, bytes: u64) {
    loop {
        let reply = fixture.mock(Method::GET, "/orphans", None).await;
        if reply.json()["orphans"][0]["received"] == bytes {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_upload_of_which_nothing_more_comes_is_answered_408_and_leaves_nothing() {
    let fixture = limited(|builder| builder.body_timeout(Duration::from_millis(50))).await;
    let url = new_upload(&fixture).await;
    let path = url.strip_prefix(fixture.atlas.url()).unwrap();
    for rest in [
        "Content-Length: 9\r\n\r\n",
        "Content-Length: 9\r\n\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let request = format!("PUT {path} HTTP/1.1\r\nHost: x\r\n{rest}");
        let reply = said(&fixture, &request).await;
        assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
        assert!(reply.contains("connection: close\r\n"), "{reply}");
        assert!(
            reply.contains("Nothing of the body came for 50ms."),
            "{reply}"
        );
    }
    assert!(fixture.found("").await.is_empty());
    assert_eq!(fixture.put(&url, b"whole").await.status, 200);
}

#[tokio::test]
async fn parameters_of_which_nothing_more_comes_are_answered_408_and_make_nothing() {
    let fixture = limited(|builder| builder.body_timeout(Duration::from_millis(50))).await;
    let request = format!(
        "POST {FILE} HTTP/1.1\r\nHost: x\r\nX-Atlas-Token: ROOT\r\nContent-Length: 90\r\n\r\n\
         {{\"artifact_version\": {{"
    );
    let reply = said(&fixture, &request).await;
    assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
    assert_eq!(fixture.make_version(json!({})).await["version"], 1);
}

#[tokio::test]
async fn a_snapshot_of_which_nothing_more_comes_is_answered_408_and_restores_nothing() {
    let fixture = limited(|builder| builder.body_timeout(Duration::from_millis(50))).await;
    fixture.push(b"bytes").await;
    let archive = fixture.request(Method::POST, "/_mock/snapshot");
    let archive = archive.send().await.unwrap().text().await.unwrap();
    // The archive breaks off before its first byte, and within the first header, the manifest, a file, and the end.
    let file = archive.find("bytes\0").unwrap();
    for len in [0, 100, 600, file + 1, archive.len() - 1] {
        let request = format!(
            "POST /_mock/restore HTTP/1.1\r\nHost: localhost\r\nX-Atlas-Token: ROOT\r\n\
             Content-Length: {}\r\n\r\n{}",
            archive.len(),
            &archive[..len]
        );
        let reply = said(&fixture, &request).await;
        assert!(reply.starts_with("HTTP/1.1 408 "), "{len}: {reply}");
    }
    assert_eq!(fixture.found("").await, [1]);
}

/// Waits until the emulator ends a download that the client stops reading.
async fn breaks_off_unread(fixture: &Fixture) {
    fixture.make_artifact("acme", "web").await;
    let file = vec![7; 32 * MIB].leak();
    fixture.push(file).await;
    let path = format!("{FILE}/1/file");
    let reply = fixture.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    let ended = async {
        while !fixture.atlas.requests().iter().any(|one| one.path == path) {
            tokio::task::yield_now().await;
        }
    };
    let ended = timeout(Duration::from_secs(30), ended).await;
    ended.expect("the connection of who does not read ends");
    assert!(reply.bytes().await.is_err());
}

#[tokio::test]
async fn a_download_that_nobody_reads_ends_after_the_body_timeout_over_tls_too() {
    let limit = |builder: Builder| builder.body_timeout(Duration::from_millis(300));
    breaks_off_unread(&Fixture::with(limit).await).await;
    let mut fixture = Fixture::with(|builder| limit(builder).tls()).await;
    fixture.http = trusting(fixture.atlas.ca_pem().unwrap());
    breaks_off_unread(&fixture).await;
}

/// Returns a seed with a version of this id, and with this file.
fn seed_of(id: &str, text: &str) -> Value {
    json!({"artifacts": [{"name": "acme/web", "versions": [
        {"type": "custom.image", "file": {"text": "ok"}},
        {"type": "custom.image", "id": id, "file": {"text": text}}
    ]}]})
}

const OVER_LIMITS: [(&str, &str, &str, &str); 2] = [
    (
        "1234",
        "",
        "id",
        "the id is longer than the 3 characters that max-id-length allows",
    ),
    (
        "",
        "123456",
        "file",
        "the file is larger than the 5 bytes that max-file-bytes allows",
    ),
];

#[tokio::test]
async fn a_seed_beyond_a_limit_is_refused_whole_and_says_where() {
    let limits = |builder: Builder| builder.max_id_length(3).max_file_bytes(5);
    let fixture = Fixture::with(limits).await;
    for (id, file, place, reason) in OVER_LIMITS {
        let seed = seed_of(id, file);
        let message = format!("artifacts[0].versions[1].{place}: {reason}: raise the limit, ");
        let refused = fixture
            .mock(Method::POST, "/seed", Some(seed.clone()))
            .await;
        assert_eq!(refused.status, 422);
        assert!(refused.body.contains(&message), "{refused:?}");
        let builder = limits(MockAtlas::builder());
        let start = builder.seed(Seed::from_json(&seed.to_string()).unwrap());
        let error = start.start().await.unwrap_err().to_string();
        assert!(error.starts_with(&message), "{error}");
    }
    assert_eq!(fixture.get("/api/v1/artifacts/acme/web").await.status, 404);
    let largest = Some(seed_of("äöü", "12345"));
    let taken = fixture.mock(Method::POST, "/seed", largest).await;
    assert_eq!(taken.status, 204, "{taken:?}");
}

#[tokio::test]
async fn a_snapshot_beyond_a_limit_is_refused_whole_and_says_where() {
    let limits = |builder: Builder| builder.max_id_length(3).max_file_bytes(5);
    let fixture = Fixture::with(limits).await;
    for (id, file, _, reason) in OVER_LIMITS {
        let seed = Seed::from_json(&seed_of(id, file).to_string()).unwrap();
        let other = Fixture::with(|builder| builder.seed(seed)).await;
        let archive = other.request(Method::POST, "/_mock/snapshot").send().await;
        let archive = archive.unwrap().bytes().await.unwrap();
        let restore = fixture.request(Method::POST, "/_mock/restore");
        let refused = Reply::of(restore.body(archive).send().await.unwrap()).await;
        assert_eq!(refused.status, 422);
        let message = format!("acme/web/custom.image/2 cannot be restored here: {reason}");
        assert!(refused.body.contains(&message), "{refused:?}");
    }
    assert_eq!(fixture.get("/api/v1/artifacts/acme/web").await.status, 404);
}

#[tokio::test]
async fn one_upload_too_many_is_answered_503_and_may_come_again() {
    let fixture = limited(|builder| builder.max_uploads(1)).await;
    let (first, second) = (new_upload(&fixture).await, new_upload(&fixture).await);
    let (parts, upload) = begin(&fixture, &first);
    parts.send(Bytes::from_static(b"half")).await.unwrap();
    received(&fixture, 4).await;

    let refused = fixture.http.put(&second).body(vec![0; 5 * MIB]).send();
    let refused = refused.await.unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    drop(parts);
    assert_eq!(upload.await.unwrap().status, 200);
    assert_eq!(fixture.put(&second, b"other").await.status, 200);
    assert_eq!(fixture.found("").await, [2, 1]);
}

#[tokio::test]
async fn an_upload_that_there_is_no_memory_for_is_answered_507_and_leaves_nothing() {
    let fixture = limited(|builder| builder.max_memory(10)).await;
    let (first, second) = (new_upload(&fixture).await, new_upload(&fixture).await);
    assert_eq!(fixture.put(&first, b"123456").await.status, 200);
    // The file is refused whether or not its length is announced.
    let refused = fixture.put(&second, b"12345").await;
    assert_eq!(refused.status, StatusCode::INSUFFICIENT_STORAGE);
    assert!(refused.body.contains("at most 10 bytes"), "{refused:?}");
    let (parts, upload) = begin(&fixture, &second);
    parts.send(Bytes::from_static(b"12345")).await.unwrap();
    drop(parts);
    assert_eq!(upload.await.unwrap().status, 507);
    assert_eq!(fixture.found("").await, [1]);
    // A refused file uses no memory of the budget.
    assert_eq!(fixture.put(&second, b"1234").await.status, 200);
}

#[tokio::test]
async fn the_same_bytes_again_need_no_room() {
    let fixture = limited(|builder| builder.max_memory(10)).await;
    let url = new_upload(&fixture).await;
    for _ in 0..2 {
        assert_eq!(fixture.put(&url, b"123456").await.status, 200);
    }
    // A refused upload uses none either, with an announced length or without.
    assert_eq!(fixture.put(&url, b"other bytes").await.status, 409);
    let (parts, upload) = begin(&fixture, &url);
    parts.send(Bytes::from_static(b"123456")).await.unwrap();
    drop(parts);
    assert_eq!(upload.await.unwrap().status, 200);
    let again = &fixture.atlas.requests()[3];
    assert!(again.stored && again.digest.is_some());
    let file = fixture.get(&format!("{FILE}/1/file")).await;
    assert_eq!(file.body, "123456");
}

#[tokio::test]
async fn what_is_under_way_takes_memory_and_what_is_deleted_gives_it_back() {
    let fixture = limited(|builder| builder.max_memory(10)).await;
    let (first, second) = (new_upload(&fixture).await, new_upload(&fixture).await);
    let (parts, upload) = begin(&fixture, &first);
    parts.send(Bytes::from_static(b"123456")).await.unwrap();
    received(&fixture, 6).await;
    assert_eq!(fixture.put(&second, b"12345").await.status, 507);
    drop(parts);
    assert_eq!(upload.await.unwrap().status, 200);
    assert_eq!(fixture.put(&second, b"12345").await.status, 507);
    let path = "/artifacts/acme/web/custom.image/1";
    let deleted = fixture.mock(Method::DELETE, path, None).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(fixture.put(&second, b"12345").await.status, 200);
}

#[tokio::test]
async fn what_there_is_no_memory_for_goes_to_disk_and_comes_back_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let limits = |builder: Builder| builder.max_memory(MIB as u64).spill(folder.path());
    let fixture = limited(limits).await;
    assert_eq!(fixture.push(b"small").await["version"], 1);
    let large: Vec<u8> = (0..3 * MIB + 17).map(|i| (i % 251) as u8).collect();
    let upload = fixture.http.put(new_upload(&fixture).await);
    let upload = upload.body(large.clone()).send().await.unwrap();
    assert_eq!(upload.status(), 200);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);

    let metrics = fixture.mock(Method::GET, "/metrics", None).await.body;
    for line in ["{place=\"memory\"} 5", "{place=\"disk\"} 3145745"] {
        let line = format!("mock_atlas_files_bytes{line}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    let file = || fixture.request(Method::GET, &format!("{FILE}/2/file"));
    let whole = file().send().await.unwrap().bytes().await.unwrap();
    assert!(whole == large);
    let part = file().header("Range", "bytes=262140-600000");
    let part = part.send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert!(part.bytes().await.unwrap() == large[262_140..=600_000]);
    let archive = fixture.request(Method::POST, "/_mock/snapshot");
    let archive = archive.send().await.unwrap().bytes().await.unwrap();
    let restore = fixture.request(Method::POST, "/_mock/restore");
    assert_eq!(restore.body(archive).send().await.unwrap().status(), 204);
    let whole = file().send().await.unwrap().bytes().await.unwrap();
    assert!(whole == large);
}

#[tokio::test]
async fn a_folder_that_takes_no_files_keeps_the_emulator_from_starting() {
    let start = MockAtlas::builder().max_memory(1).spill("/nowhere").start();
    assert_eq!(
        start.await.unwrap_err().to_string(),
        "cannot write files to the folder /nowhere: No such file or directory (os error 2)"
    );
    // A path that exists and takes no files, not even from root, is refused as well.
    for path in ["/proc", "/dev/null"] {
        let start = MockAtlas::builder().max_memory(1).spill(path).start();
        let error = start.await.unwrap_err().to_string();
        let expected = format!("cannot write files to the folder {path}: ");
        assert!(error.starts_with(&expected), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let start = MockAtlas::builder().max_memory(1).spill(folder.path());
    start.start().await.unwrap();
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn what_neither_memory_nor_disk_takes_is_answered_507_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = limited(|builder| builder.max_memory(3).spill(folder.path())).await;
    drop(folder);
    let url = new_upload(&fixture).await;
    let refused = fixture.put(&url, b"bytes").await;
    assert_eq!(refused.status, 507);
    assert!(
        refused.body.contains("cannot be kept on disk"),
        "{refused:?}"
    );
    assert!(fixture.found("").await.is_empty());
    assert_eq!(fixture.put(&url, b"123").await.status, 200);
}

#[tokio::test]
async fn what_a_seed_brings_counts_even_beyond_the_limit_and_a_reset_frees_the_rest() {
    let seed = |name: &str| {
        json!({"artifacts": [{"name": name, "versions": [
            {"type": "custom.image", "file": {"text": "123456"}}
        ]}]})
    };
    let first = Seed::from_json(&seed("acme/web").to_string()).unwrap();
    let fixture = Fixture::with(|builder| builder.max_memory(10).seed(first)).await;
    assert_eq!(
        fixture
            .put(&new_upload(&fixture).await, b"12345")
            .await
            .status,
        507
    );
    let more = seed("acme/more");
    let applied = fixture.mock(Method::POST, "/seed", Some(more)).await;
    assert_eq!(applied.status, 204, "{applied:?}");
    assert_eq!(
        fixture.put(&new_upload(&fixture).await, b"1").await.status,
        507
    );
    let reset = fixture.mock(Method::POST, "/reset", None).await;
    assert_eq!(reset.status, 204);
    assert_eq!(
        fixture
            .put(&new_upload(&fixture).await, b"1234")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn what_a_seed_brings_counts_in_each_emulator_that_it_is_planted_in() {
    let seed = r#"{"artifacts": [{"name": "acme/seeded", "versions": [
        {"type": "custom.image", "file": {"text": "123456"}}
    ]}]}"#;
    let seed = Seed::from_json(seed).unwrap();
    for _ in 0..2 {
        let fixture = limited(|builder| builder.max_memory(10).seed(seed.clone())).await;
        let url = new_upload(&fixture).await;
        assert_eq!(fixture.put(&url, b"12345").await.status, 507);
        assert_eq!(fixture.put(&url, b"1234").await.status, 200);
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let fixture = Fixture::new().await;
    let with = |bytes: usize| {
        let request = fixture.request(Method::GET, "/api/v1/authenticate");
        request.header("X-Long", "x".repeat(bytes)).send()
    };
    assert_eq!(with(64 * 1024).await.unwrap().status(), 200);
    // The connection may be closed before the client, which still writes, reads the reply.
    if let Ok(reply) = with(256 * 1024).await {
        assert_eq!(reply.status(), 431);
    }
}
