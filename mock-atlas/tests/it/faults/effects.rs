//! Tests each effect of a fault, as a client sees it.

use std::io::ErrorKind;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use mock_atlas::{Builder, LintKind, MockAtlas};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower::ServiceExt;

use super::{SEARCH, fault, fired, fixture};
use crate::support::{FILE, Fixture, upload_path};

const MIB: usize = 1024 * 1024;

/// Creates a version that awaits its file, and returns its upload path.
async fn awaited(fixture: &Fixture) -> String {
    upload_path(&fixture.make_version(json!({"id": "x", "file": true})).await)
}

/// Checks that a version is invisible after its upload broke off, and complete after the upload is repeated.
async fn repeat_succeeds(fixture: &Fixture, url: &str, bytes: &'static [u8]) {
    assert!(fixture.found("").await.is_empty());
    assert_eq!(fixture.get(&format!("{FILE}/1/file")).await.status, 404);
    assert_eq!(fixture.put(url, bytes).await.status, 200);
    assert_eq!(fixture.found("").await, [1]);
    let path = format!("{FILE}/1/file");
    let file = fixture.request(Method::GET, &path).send().await.unwrap();
    assert!(file.bytes().await.unwrap() == bytes);
}

async fn orphan(fixture: &Fixture) -> Value {
    let orphans = fixture.mock(Method::GET, "/orphans", None).await.json();
    orphans["orphans"][0].clone()
}

/// Sends a request on a new connection, and returns all that is received until the connection ends.
async fn raw(fixture: &Fixture, head: &str, body: &[u8]) -> std::io::Result<String> {
    let host = fixture.atlas.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await?;
    let head = format!("{head} HTTP/1.1\r\nHost: {host}\r\nX-Atlas-Token: ROOT\r\n");
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    stream
        .write_all(format!("{head}{length}").as_bytes())
        .await?;
    stream.write_all(body).await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    Ok(reply)
}

/// Returns the path and query of a URL of the emulator.
fn path<'a>(fixture: &Fixture, url: &'a str) -> &'a str {
    url.strip_prefix(fixture.atlas.url()).unwrap()
}

#[tokio::test]
async fn a_status_comes_with_retry_after_and_the_body_of_an_error() {
    let fixture = fixture(&["search:status=503,retry-after=7,times=1"]).await;
    let request = fixture.request(Method::GET, SEARCH);
    let reply = request.send().await.unwrap();
    assert_eq!(reply.status(), 503);
    assert_eq!(reply.headers()["retry-after"], "7");
    assert_eq!(
        reply.headers()["x-mock-atlas-fault"],
        "search:status=503,retry-after=7,times=1"
    );
    assert_eq!(
        reply.text().await.unwrap(),
        r#"{"errors":["This emulator was told to answer so: see /_mock/faults."],"success":false}"#
    );
    let again = fixture.request(Method::GET, SEARCH).send().await.unwrap();
    assert_eq!(again.status(), 200);
    assert!(!again.headers().contains_key("x-mock-atlas-fault"));
    assert_eq!(fired(&fixture), [1]);
}

#[tokio::test]
async fn each_route_has_its_name_and_other_paths_meet_no_fault() {
    let fixture = fixture(&[]).await;
    let version = fixture.push(b"bytes").await;
    let url = upload_path(&version);
    let artifacts = "/api/v1/artifacts";
    for (name, method, path) in [
        ("authenticate", Method::GET, "/api/v1/authenticate"),
        ("authenticate", Method::POST, "/api/v1/authenticate"),
        ("authenticate", Method::GET, "/api/v1/token"),
        ("artifact.create", Method::POST, artifacts),
        ("artifact.show", Method::GET, "/api/v1/artifacts/acme/web"),
        ("version.create", Method::POST, FILE),
        ("search", Method::GET, SEARCH),
        ("download", Method::GET, &format!("{FILE}/1/file")),
        ("upload", Method::PUT, path(&fixture, &url)),
    ] {
        for (route, status) in [(name, 418), ("*", 429)] {
            let id = fixture
                .atlas
                .add_fault(fault(&format!("{route}:status={status}")));
            let reply = fixture.request(method.clone(), path).send().await.unwrap();
            assert_eq!(reply.status().as_u16(), status, "{name} {path}");
            assert!(fixture.atlas.remove_fault(id));
        }
    }
    fixture.atlas.add_fault(fault("*:status=500"));
    for (path, status) in [
        ("/_mock/health", 200),
        ("/_mock/orphans", 200),
        ("/api/v1/api/v1/authenticate", 404),
        ("/elsewhere", 404),
    ] {
        assert_eq!(fixture.get(path).await.status, status, "{path}");
    }
    assert_eq!(fired(&fixture), [0]);
}

#[tokio::test]
async fn half_a_reply_is_no_json_though_what_was_asked_for_is_done() {
    let fixture = fixture(&[
        "version.create:malformed,times=1",
        "search:malformed,times=1",
    ])
    .await;
    let version = json!({"artifact_version": {"id": "x"}});
    for (reply, status) in [
        (fixture.post(FILE, version).await, 200),
        (fixture.get(SEARCH).await, 200),
    ] {
        assert_eq!(reply.status.as_u16(), status);
        assert!(reply.body.starts_with("{\""), "{}", reply.body);
        assert!(serde_json::from_str::<Value>(&reply.body).is_err());
    }
    assert_eq!(fixture.found("").await, [1]);
}

#[tokio::test]
async fn a_download_that_is_cut_has_exactly_the_bytes_before_the_cut_and_can_be_continued() {
    let fixture = fixture(&["download:cut-after=700000,times=1"]).await;
    let file: &'static [u8] = vec![7; MIB].leak();
    fixture.push(file).await;
    let path = format!("{FILE}/1/file");
    // There is nothing to cut in the reply to a HEAD.
    let head = fixture.request(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], MIB.to_string());
    let mut cut = fixture.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(cut.headers()["content-length"], MIB.to_string());
    let mut received = 0;
    while let Ok(Some(part)) = cut.chunk().await {
        received += part.len();
    }
    assert_eq!((received, fired(&fixture)), (700_000, vec![1]));
    let rest = fixture.request(Method::GET, &path);
    let rest = rest.header("Range", "bytes=700000-").send().await.unwrap();
    assert_eq!(rest.status(), 206);
    assert_eq!(rest.bytes().await.unwrap(), file[700_000..]);
}

#[tokio::test]
async fn a_download_shorter_than_the_cut_is_whole() {
    let fixture = fixture(&["download:cut-after=5"]).await;
    fixture.push(b"bytes").await;
    let file = fixture.get(&format!("{FILE}/1/file")).await;
    assert_eq!(file.body, "bytes");
}

#[tokio::test]
async fn a_reset_is_one_of_the_network_and_nothing_is_done() {
    let fixture = fixture(&["version.create:reset,times=1"]).await;
    let body = br#"{"artifact_version":{"id":"x"}}"#;
    let error = raw(&fixture, &format!("POST {FILE}"), body)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(fixture.found("").await.is_empty());
    let reply = fixture.make_version(json!({"id": "x"})).await;
    assert_eq!(reply["version"], 1);
    // The connection is reset even when no byte is unread, where the kernel by itself would close it normally.
    fixture.atlas.add_fault(fault("search:reset"));
    let error = raw(&fixture, &format!("GET {SEARCH}"), b"").await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_lost_reply_is_one_to_what_is_done() {
    let fixture = fixture(&["version.create:no-reply,times=1"]).await;
    let body = br#"{"artifact_version":{"id":"x"}}"#;
    let reply = raw(&fixture, &format!("POST {FILE}"), body).await.unwrap();
    assert_eq!(reply, "");
    assert_eq!(fixture.found("").await, [1]);
}

#[tokio::test]
async fn an_upload_is_cut_after_its_bytes_and_nothing_is_stored() {
    let fixture = fixture(&["upload:cut-after=1048576,times=2"]).await;
    let url = awaited(&fixture).await;
    let all: &[u8] = vec![7; 20 * MIB].leak();
    let head = format!("PUT {}", path(&fixture, &url));
    let error = raw(&fixture, &head, all).await.unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        "{error}"
    );
    let orphan = orphan(&fixture).await;
    assert_eq!(orphan["state"], "partial");
    assert_eq!(orphan["received"], MIB);
    // This upload comes from a real client, and its body is shorter than the limit of the fault.
    let small = fixture.http.put(&url).body(&all[..1000]).send();
    assert!(small.await.unwrap_err().is_request());
    repeat_succeeds(&fixture, &url, all).await;
    assert_eq!(fired(&fixture), [2]);
}

#[tokio::test]
async fn an_upload_that_is_cut_at_its_first_byte_has_received_none() {
    let fixture = fixture(&["upload:cut-after=0,times=1"]).await;
    let url = awaited(&fixture).await;
    assert!(fixture.http.put(&url).body("bytes").send().await.is_err());
    assert_eq!(orphan(&fixture).await["received"], 0);
    repeat_succeeds(&fixture, &url, b"bytes").await;
}

#[tokio::test]
async fn an_upload_that_is_discarded_is_read_to_its_end_and_not_stored() {
    let fixture = fixture(&["upload:discard=503,retry-after=1,times=1"]).await;
    let url = awaited(&fixture).await;
    let all: &[u8] = vec![7; 20 * MIB].leak();
    let reply = fixture.http.put(&url).body(all).send().await.unwrap();
    assert_eq!(reply.status(), 503);
    assert_eq!(reply.headers()["retry-after"], "1");
    let orphan = orphan(&fixture).await;
    assert_eq!(orphan["state"], "complete");
    assert_eq!(orphan["received"], all.len());
    repeat_succeeds(&fixture, &url, all).await;
}

#[tokio::test]
async fn an_upload_that_is_refused_at_once_is_one_that_never_began() {
    let fixture = fixture(&["upload:status=503,times=1"]).await;
    let url = awaited(&fixture).await;
    let all: &[u8] = vec![7; 20 * MIB].leak();
    // The client gets the reply although it writes its whole body before it reads.
    assert_eq!(fixture.put(&url, all).await.status, 503);
    assert_eq!(orphan(&fixture).await["state"], "reserved");
    repeat_succeeds(&fixture, &url, all).await;
}

#[tokio::test]
async fn an_upload_whose_confirmation_is_lost_is_stored() {
    let fixture = fixture(&["upload:no-reply,times=1"]).await;
    let url = awaited(&fixture).await;
    let head = format!("PUT {}", path(&fixture, &url));
    assert_eq!(raw(&fixture, &head, b"bytes").await.unwrap(), "");
    assert_eq!(fixture.found("").await, [1]);
    let file = fixture.get(&format!("{FILE}/1/file")).await;
    assert_eq!(file.body, "bytes");
    assert_eq!(fixture.put(&url, b"bytes").await.status, 200);
    assert_eq!(fixture.put(&url, b"other").await.status, 409);
}

#[tokio::test]
async fn the_journal_tells_what_became_of_requests_that_met_a_fault() {
    let fixture = fixture(&["search:reset,times=1", "upload:no-reply,times=1"]).await;
    raw(&fixture, &format!("GET {SEARCH}"), b"")
        .await
        .unwrap_err();
    let url = awaited(&fixture).await;
    let head = format!("PUT {}", path(&fixture, &url));
    assert_eq!(raw(&fixture, &head, b"bytes").await.unwrap(), "");
    let requests = fixture.atlas.requests();
    let of = |method: &str| requests.iter().rfind(|one| one.method == method).unwrap();
    assert_eq!(of("GET").status, None, "it was reset");
    let upload = of("PUT");
    assert_eq!(
        (upload.status, upload.stored),
        (None, true),
        "nobody was told"
    );
    // This client sends its token with uploads too, which is a lint; the announced file has arrived, so there is
    // no other lint.
    let lints = fixture.atlas.lints();
    assert_eq!(lints.len(), 1, "{lints:?}");
    assert_eq!(lints[0].kind, LintKind::TokenOnUpload);
}

#[tokio::test]
async fn an_upload_path_that_expires_is_unknown_from_then_on() {
    let fixture = fixture(&["upload:expire=1000m", "upload:expire,after=1,times=1"]).await;
    let (first, second) = (awaited(&fixture).await, awaited(&fixture).await);
    assert_eq!(fixture.put(&first, b"bytes").await.status, 200);
    for _ in 0..2 {
        assert_eq!(fixture.put(&second, b"bytes").await.status, 404);
    }
    // Only the second path has expired, and its version stays invisible.
    assert_eq!(fixture.put(&first, b"bytes").await.status, 200);
    assert_eq!(fixture.found("").await, [1]);
    assert_eq!(orphan(&fixture).await["state"], "reserved");
    assert_eq!(fixture.push(b"other").await["version"], 3);
    assert_eq!(fired(&fixture), [0, 1]);
}

/// Sends a request to a router within this process, so that tokio's paused clock applies, and returns the reply.
async fn ask(router: &axum::Router, method: &str, path: &str, body: &str) -> Response<Body> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Host", "localhost")
        .header("X-Atlas-Token", "T")
        .body(Body::from(body.to_owned()))
        .unwrap();
    router.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    String::from_utf8(body.unwrap().to_vec()).unwrap()
}

fn router(faults: &[&str]) -> axum::Router {
    let add = |builder: Builder, text: &&str| builder.fault(fault(text));
    let builder = MockAtlas::builder().token("T").public_artifact("acme/web");
    faults.iter().fold(builder, add).router().unwrap()
}

#[tokio::test(start_paused = true)]
async fn latency_comes_before_what_is_asked_for_and_a_delay_after_it() {
    let router = router(&[
        "version.create:latency=60s,times=1",
        "upload:delay-reply=10m,times=1",
    ]);
    let start = Instant::now();
    let make = async {
        let reply = ask(
            &router,
            "POST",
            FILE,
            r#"{"artifact_version":{"file":true}}"#,
        )
        .await;
        assert_eq!(start.elapsed().as_secs(), 60);
        serde_json::from_str::<Value>(&text(reply).await).unwrap()
    };
    let orphans = async {
        tokio::time::sleep(Duration::from_secs(59)).await;
        text(ask(&router, "GET", "/_mock/orphans", "").await).await
    };
    let (version, orphans) = tokio::join!(make, orphans);
    assert_eq!(orphans, r#"{"orphans":[]}"#);

    let url = upload_path(&version);
    let path = url.strip_prefix("http://localhost").unwrap();
    let start = Instant::now();
    let upload = async {
        let reply = ask(&router, "PUT", path, "bytes").await;
        assert_eq!(
            (reply.status(), start.elapsed().as_secs()),
            (StatusCode::OK, 600)
        );
    };
    let file = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        text(ask(&router, "GET", &format!("{FILE}/1/file"), "").await).await
    };
    let ((), file) = tokio::join!(upload, file);
    assert_eq!(file, "bytes");
}

#[tokio::test]
async fn latency_is_waited_for_by_a_real_client() {
    let fixture = fixture(&["search:latency=50ms"]).await;
    let start = Instant::now();
    assert!(fixture.found("").await.is_empty());
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn under_another_server_a_reply_breaks_off_in_place_of_the_connection() {
    let router = router(&["search:reset", "upload:cut-after=2"]);
    let reply = ask(&router, "GET", SEARCH, "").await;
    assert_eq!(reply.status(), 500);
    let body = axum::body::to_bytes(reply.into_body(), usize::MAX).await;
    assert!(body.is_err());
    let version = ask(
        &router,
        "POST",
        FILE,
        r#"{"artifact_version":{"file":true}}"#,
    )
    .await;
    let url = upload_path(&serde_json::from_str(&text(version).await).unwrap());
    let path = url.strip_prefix("http://localhost").unwrap();
    assert_eq!(ask(&router, "PUT", path, "bytes").await.status(), 400);
}
