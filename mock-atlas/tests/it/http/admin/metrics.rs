//! Tests the metrics for Prometheus at `/_mock/metrics`.

use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::{FILE, Fixture, begin_upload, upload_path};

async fn metrics(fixture: &Fixture) -> String {
    let request = fixture.anonymous(Method::GET, "/_mock/metrics");
    let reply = request.send().await.unwrap();
    assert_eq!(reply.status(), 200);
    let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(reply.headers()["content-type"], format);
    let text = reply.text().await.unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    text
}

/// Returns the value of the line that begins with `line`.
fn value(metrics: &str, line: &str) -> Option<f64> {
    let of = |text: &str| text.strip_prefix(line)?.trim().parse().ok();
    metrics.lines().find_map(of)
}

#[tokio::test]
async fn requests_are_counted_by_method_route_and_status_and_timed() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"bytes").await;
    fixture.get(&format!("{FILE}/1/file")).await;
    fixture.get(&format!("{FILE}/2/file")).await;
    let brew = Method::from_bytes(b"BREW").unwrap();
    for path in ["/nowhere", "/a/secret/x"] {
        let request = fixture.anonymous(brew.clone(), path).send();
        assert_eq!(request.await.unwrap().status(), 404);
    }

    for path in ["/api/v1/artifacts", "/_binstore/x"] {
        let request = fixture.anonymous(Method::DELETE, path).send();
        assert_eq!(request.await.unwrap().status(), 405);
    }

    let text = metrics(&fixture).await;
    let file = r#"method="GET",route="/api/v1/artifacts/{username}/{name}/{type}/{version}/file""#;
    let upload = r#"method="PUT",route="/_binstore/{upload}""#;
    let requests = |labels: &str, status: &str| {
        let line = format!(r#"mock_atlas_http_requests_total{{{labels},status="{status}"}}"#);
        value(&text, &line)
    };
    assert_eq!(requests(file, "200"), Some(1.0), "{text}");
    assert_eq!(requests(file, "404"), Some(1.0));
    assert_eq!(requests(upload, "200"), Some(1.0));
    assert_eq!(
        requests(r#"method="other",route="unknown""#, "404"),
        Some(2.0)
    );
    for route in ["/api/v1/artifacts", "/_binstore/{upload}"] {
        let labels = format!(r#"method="DELETE",route="{route}""#);
        assert_eq!(requests(&labels, "405"), Some(1.0), "{route}");
    }
    let timed = format!("mock_atlas_http_request_duration_seconds_count{{{file}}}");
    assert_eq!(value(&text, &timed), Some(2.0));
    let received = value(&text, "mock_atlas_http_received_bytes_total").unwrap();
    let sent = value(&text, "mock_atlas_http_sent_bytes_total").unwrap();
    assert!(received > 50.0 && sent > 200.0, "{received} {sent}");
}

#[tokio::test]
async fn artifacts_versions_and_the_memory_of_files_are_those_of_now() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"12345").await;
    fixture.push(b"123").await;
    fixture.make_version(json!({"file": true})).await;
    let now = async || {
        let text = metrics(&fixture).await;
        let names = ["artifacts", "versions", r#"files_bytes{place="memory"}"#];
        names.map(|name| value(&text, &format!("mock_atlas_{name} ")).unwrap())
    };
    assert_eq!(now().await, [2.0, 3.0, 8.0]);
    let path = "/artifacts/acme/web/custom.image/1";
    fixture.mock(Method::DELETE, path, None).await;
    assert_eq!(now().await, [2.0, 2.0, 3.0]);
    fixture.mock(Method::POST, "/reset", None).await;
    assert_eq!(now().await, [1.0, 0.0, 0.0]);
}

#[tokio::test]
async fn a_request_that_broke_off_is_counted_without_a_status() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let url = upload_path(&fixture.make_version(json!({"file": true})).await);
    let mut stream = begin_upload(&url, "Content-Length: 9\r\n").await;
    stream.write_all(b"half").await.unwrap();
    drop(stream);
    // The request is counted whether its handler still answers 400 or is dropped first.
    let line = r#"mock_atlas_http_requests_total{method="PUT",route="/_binstore/{upload}""#;
    while !metrics(&fixture).await.contains(line) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn no_number_names_a_token_a_user_an_artifact_or_an_upload() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let version = fixture.push(b"bytes").await;
    fixture
        .get(&format!("{FILE}/1/file?access_token=canary"))
        .await;
    fixture.get("/api/v1/canary").await;
    let text = metrics(&fixture).await;
    let upload = version["upload_token"].as_str().unwrap();
    for secret in ["ROOT", "canary", "acme", upload] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
