//! Tests `/_mock/quotas` and `mock-atlas quota`: how many bytes the files of an owner may have.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Fixture, Reply, kept, printed, run, upload_path};

const FILE: &str = "/api/v1/artifacts/rival/web/custom.image";

async fn set(fixture: &Fixture, bytes: u64) -> Reply {
    let body = json!({"quota": {"bytes": bytes}});
    fixture.mock(Method::PUT, "/quotas/rival", Some(body)).await
}

async fn used(fixture: &Fixture) -> Value {
    let all = fixture.mock(Method::GET, "/quotas", None).await.json();
    all["quotas"][0]["used"].clone()
}

/// Creates a version that awaits a file, and returns the upload path.
async fn version(fixture: &Fixture) -> String {
    let body = json!({"artifact_version": {"id": "x", "file": true}});
    let made = fixture.post(FILE, body).await;
    assert_eq!(made.status, 200, "{}", made.body);
    upload_path(&made.json())
}

async fn with_quota(bytes: u64) -> Fixture {
    let fixture = Fixture::new().await;
    fixture.make_artifact("rival", "web").await;
    assert_eq!(set(&fixture, bytes).await.status, 200);
    fixture
}

#[tokio::test]
async fn a_quota_is_set_listed_and_removed() {
    let fixture = with_quota(9).await;
    let path = version(&fixture).await;
    assert_eq!(fixture.put(&path, b"bytes").await.status, 200);
    let expected = json!({"quotas": [{"owner": "rival", "used": 5, "quota": 9}]});
    let listed = fixture.mock(Method::GET, "/quotas", None).await;
    assert_eq!(listed.json(), expected);
    let changed = set(&fixture, 4).await.json();
    assert_eq!(changed, json!({"owner": "rival", "used": 5, "quota": 4}));
    for status in [204, 404] {
        let removed = fixture.mock(Method::DELETE, "/quotas/rival", None).await;
        assert_eq!(removed.status, status);
    }
    for (path, body, message) in [
        (
            "nobody",
            json!({"quota": {"bytes": 1}}),
            "nobody: there is no user",
        ),
        (
            "rival",
            json!({"quota": {}}),
            "quota[bytes] parameter is required",
        ),
        (
            "rival",
            json!({"quota": {"bytes": -1}}),
            "quota[bytes] must be a whole number",
        ),
        (
            "rival",
            json!({"quota": {"bytes": u64::MAX}}),
            "quota[bytes] must be at most",
        ),
    ] {
        let path = format!("/quotas/{path}");
        let refused = fixture.mock(Method::PUT, &path, Some(body)).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert!(refused.body.contains(message), "{}", refused.body);
    }
}

#[tokio::test]
async fn an_upload_beyond_the_quota_is_refused_with_the_numbers_however_it_is_sent() {
    let fixture = with_quota(9).await;
    let path = version(&fixture).await;
    assert_eq!(fixture.put(&path, b"bytes").await.status, 200);
    // A file that is there may be sent again.
    assert_eq!(fixture.put(&path, b"bytes").await.status, 200);
    let path = version(&fixture).await;
    let whole = fixture.put(&path, b"more bytes").await;
    assert_eq!(whole.status, 413);
    let body = whole.json();
    let message = body["errors"][0].as_str().unwrap();
    assert!(
        message.contains("it has 10 bytes, and 5 of 9 bytes are used"),
        "{message}"
    );
    let parts = futures_util::stream::iter(["more", " bytes"].map(Ok::<_, std::io::Error>));
    let chunked = fixture
        .http
        .put(&path)
        .body(reqwest::Body::wrap_stream(parts));
    let chunked = Reply::of(chunked.send().await.unwrap()).await;
    assert_eq!(chunked.status, 413, "{}", chunked.body);
    assert!(chunked.body.contains("it has at least"), "{}", chunked.body);
    assert_eq!(used(&fixture).await, 5);
    let found = fixture.get(&format!("{FILE}/search")).await.json();
    assert_eq!(found["versions"].as_array().unwrap().len(), 1);
    // The version still awaits a file that fits.
    assert_eq!(fixture.put(&path, b"more").await.status, 200);
    assert_eq!(used(&fixture).await, 9);
}

#[tokio::test]
async fn an_upload_that_announces_too_much_is_refused_before_its_body() {
    let fixture = with_quota(9).await;
    let path = version(&fixture).await;
    let url = fixture.atlas.url();
    let address = url.strip_prefix("http://").unwrap();
    let path = path.split_once(address).unwrap().1;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut reply = vec![0; 12];
    let read = timeout(Duration::from_secs(30), stream.read_exact(&mut reply));
    read.await.unwrap().unwrap();
    assert_eq!(reply, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_box_is_within_the_quota_of_its_owner() {
    let fixture = with_quota(4).await;
    let boxes = "/api/v2/box/rival/debian";
    for (path, body) in [
        (
            "/api/v2/boxes".to_owned(),
            json!({"box": {"username": "rival", "name": "debian"}}),
        ),
        (
            format!("{boxes}/versions"),
            json!({"version": {"version": "1.0.0"}}),
        ),
        (
            format!("{boxes}/version/1.0.0/providers"),
            json!({"provider": {"name": "virtualbox", "architecture": "amd64"}}),
        ),
    ] {
        let reply = fixture.post(&path, body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    let provider = format!("{boxes}/version/1.0.0/provider/virtualbox/amd64");
    for kind in ["upload", "upload/direct"] {
        let upload = fixture.get(&format!("{provider}/{kind}")).await.json();
        let path = upload["upload_path"].as_str().unwrap();
        let refused = fixture.put(path, b"a box").await;
        assert_eq!(refused.status, 413, "{}", refused.body);
        assert_eq!(fixture.put(path, b"box").await.status, 200);
        if let Some(callback) = upload["callback"].as_str() {
            assert_eq!(
                used(&fixture).await,
                6,
                "until the callback, both are there"
            );
            let called = fixture.http.put(callback).header("X-Atlas-Token", "ROOT");
            assert_eq!(called.send().await.unwrap().status(), 200);
        }
        assert_eq!(used(&fixture).await, 3);
    }
    let deleted = fixture.request(Method::DELETE, boxes).send().await.unwrap();
    assert_eq!(deleted.status(), 200);
    assert_eq!(used(&fixture).await, 0);
}

#[tokio::test]
async fn an_import_beyond_the_quota_is_refused() {
    let fixture = with_quota(4).await;
    let import = async |bytes: &'static [u8]| {
        let digest = blake3::hash(bytes).to_hex().to_string();
        let line = json!({"plan": false, "private": true,
            "file": {"size": bytes.len(), "blake3": digest}});
        let mut body = format!("{line}\n").into_bytes();
        body.extend_from_slice(bytes);
        let path = "/_mock/artifacts/rival/new/custom.image/1";
        let put = fixture.request(Method::PUT, path).body(body);
        Reply::of(put.send().await.unwrap()).await
    };
    let refused = import(b"bytes").await;
    assert_eq!(refused.status, 413, "{}", refused.body);
    let shown = fixture.get("/api/v1/artifacts/rival/new").await;
    assert_eq!(shown.status, 404);
    assert_eq!(import(b"byte").await.status, 200);
    assert_eq!(used(&fixture).await, 4);
}

#[tokio::test]
async fn a_restart_a_backup_and_a_move_keep_quotas_and_a_check_compares_them() {
    let fill = async |fixture: &Fixture| {
        fixture.make_artifact("rival", "web").await;
        let path = version(fixture).await;
        assert_eq!(fixture.put(&path, b"bytes").await.status, 200);
        assert_eq!(set(fixture, 9).await.status, 200);
    };
    let show = async |of: &Fixture| of.mock(Method::GET, "/quotas", None).await.json();
    let remove = async |of: &Fixture| {
        let removed = of.mock(Method::DELETE, "/quotas/rival", None).await;
        assert_eq!(removed.status, 204);
    };
    let (moved, shown) = kept::by_every_move(fill, show, remove).await;
    let expected = json!({"quotas": [{"owner": "rival", "used": 5, "quota": 9}]});
    assert_eq!(shown, expected);
    let damage = kept::damage_by(&moved, "UPDATE quota SET bytes_used = 7").await;
    assert_eq!(damage.what, "the quota of rival");
    assert!(
        damage
            .how
            .contains("7 bytes are counted, and its files have 5")
    );
}

#[tokio::test]
async fn the_program_takes_sizes_with_units() {
    let fixture = Fixture::new().await;
    let set = printed(&fixture.atlas, &["quota", "set", "rival", "2KiB"]).await;
    assert_eq!(set, "rival  0  2048\n");
    assert_eq!(printed(&fixture.atlas, &["quota", "list"]).await, set);
    let json = printed(&fixture.atlas, &["quota", "list", "--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["quotas"][0]["quota"], 2048);
    printed(&fixture.atlas, &["quota", "remove", "rival"]).await;
    assert_eq!(printed(&fixture.atlas, &["quota", "list"]).await, "");
    for wrong in ["2 KiB", "lots", "-1"] {
        let output = run(&fixture.atlas, "ROOT", &["quota", "set", "rival", wrong]).await;
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}
