//! Tests uploads and downloads of files.

use std::time::{Duration, SystemTime};

use mock_atlas::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Hcp, path_of, refusal};
use crate::support::Reply;

const ARCHITECTURE: &str = "/version/1.0.0/provider/virtualbox/architecture/amd64";

/// The SHA-256 of `bytes`.
const SHA256: &str = "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9";

async fn data(hcp: &Hcp) -> Value {
    let shown = hcp.get(&path_of(ARCHITECTURE)).await;
    shown["architecture"]["box_data"].clone()
}

async fn download(hcp: &Hcp, url: &str, token: &str) -> Reply {
    let mut request = hcp.fixture.http.get(url);
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    Reply::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn an_upload_is_visible_when_its_bytes_are_there() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let begun = hcp.get(&path_of(&format!("{ARCHITECTURE}/upload"))).await;
    let names: Vec<_> = begun.as_object().unwrap().keys().collect();
    assert_eq!(names, ["url"]);
    assert_eq!(data(&hcp).await["size"], "0");
    hcp.fixture
        .put(begun["url"].as_str().unwrap(), b"bytes")
        .await;
    let stored = data(&hcp).await;
    assert_eq!(
        (&stored["size"], &stored["checksum_type"]),
        (&json!("5"), &json!("SHA256"))
    );
    assert_eq!(stored["checksum"], SHA256);
    let url = stored["download_url"].as_str().unwrap();
    hcp.put(&path_of("/version/1.0.0/release"), None).await;
    let ask = hcp.get(&path_of(&format!("{ARCHITECTURE}/download"))).await;
    let expected = json!({"url": url, "checksum": SHA256, "checksum_type": "SHA256"});
    assert_eq!(ask, expected);
    assert_eq!(download(&hcp, url, "AMYS-TOKEN").await.body, "bytes");
}

#[tokio::test]
async fn a_direct_upload_is_visible_when_it_is_completed() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let direct = path_of(&format!("{ARCHITECTURE}/direct"));
    let begun = hcp.get(&format!("{direct}/upload")).await;
    let object = begun["object"].as_str().unwrap();
    let complete = format!("{direct}/complete/{object}");
    let callback = begun["callback"].as_str().unwrap();
    assert!(callback.ends_with(&complete), "{callback}");
    let early = hcp.refused(Method::PUT, &complete, None).await;
    assert_eq!((early.0, early.1), (422, 3), "{}", early.2);
    hcp.fixture
        .put(begun["url"].as_str().unwrap(), b"bytes")
        .await;
    assert_eq!(data(&hcp).await["download_url"], "");
    let others = hcp
        .call_as("RITAS-TOKEN", Method::PUT, &complete, None)
        .await;
    assert_eq!(refusal(&others).0, 404);
    for _ in 0..2 {
        assert_eq!(hcp.put(&complete, None).await, json!({}));
        assert_eq!(data(&hcp).await["checksum"], SHA256);
    }
    let unknown = format!("{direct}/complete/00000000-0000-0000-0000-000000000000");
    assert_eq!(hcp.refused(Method::PUT, &unknown, None).await.0, 404);
    assert_eq!(
        hcp.refused(Method::PUT, &format!("{direct}/complete/x"), None)
            .await
            .0,
        404
    );
    let journal = hcp.fixture.get("/_mock/requests").await;
    assert!(!journal.body.contains(object), "{}", journal.body);
}

#[tokio::test]
async fn a_told_checksum_is_that_of_the_next_bytes() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let told = json!({"box_data": {"checksum": "abc", "checksum_type": "sha256"}});
    hcp.put(&path_of(ARCHITECTURE), Some(told)).await;
    hcp.upload(&path_of(ARCHITECTURE), b"bytes").await;
    assert_eq!(data(&hcp).await["checksum"], "abc");
    hcp.upload(&path_of(ARCHITECTURE), b"bytes").await;
    assert_eq!(data(&hcp).await["checksum"], SHA256, "new bytes void it");
}

#[tokio::test]
async fn a_file_that_is_not_there_has_no_url_and_cannot_be_downloaded() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let path = path_of(&format!("{ARCHITECTURE}/download"));
    assert_eq!(hcp.refused(Method::GET, &path, None).await.0, 404);
    hcp.upload(&path_of(ARCHITECTURE), b"bytes").await;
    let anonymous = hcp.call_as("", Method::GET, &path, None).await;
    assert_eq!(refusal(&anonymous).0, 404, "the version is not released");
    hcp.put(&path_of("/version/1.0.0/release"), None).await;
    let anonymous = hcp.call_as("", Method::GET, &path, None).await.json();
    let url = anonymous["url"].as_str().unwrap();
    assert_eq!(download(&hcp, url, "").await.body, "bytes");
    assert_eq!(hcp.get(&path_of("")).await["box"]["downloads"], "1");
    hcp.put(&path_of(""), Some(json!({"is_private": true})))
        .await;
    let anonymous = hcp.call_as("", Method::GET, &path, None).await;
    assert_eq!(refusal(&anonymous).0, 404);
    assert_eq!(
        hcp.call_as("RITAS-TOKEN", Method::GET, &path, None)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_url_of_a_private_file_is_signed_for_an_hour() {
    let clock = Clock::fixed(SystemTime::UNIX_EPOCH);
    let hcp = Hcp::with(|builder| builder.clock(clock.clone())).await;
    hcp.make_box("1.0.0").await;
    hcp.upload(&path_of(ARCHITECTURE), b"bytes").await;
    hcp.put(&path_of("/version/1.0.0/release"), None).await;
    let path = path_of(&format!("{ARCHITECTURE}/download"));
    let public = hcp.get(&path).await["url"].as_str().unwrap().to_owned();
    assert!(public.ends_with("/vagrant.box"), "{public}");
    hcp.put(&path_of(""), Some(json!({"is_private": true})))
        .await;
    let signed = hcp.get(&path).await["url"].as_str().unwrap().to_owned();
    assert_eq!(download(&hcp, &public, "").await.status, 404);
    assert_eq!(download(&hcp, &signed, "").await.body, "bytes");
    assert_eq!(download(&hcp, &signed, "unknown").await.body, "bytes");
    for other in [
        signed.replace("amd64/", "amd64x/"),
        signed.replace("signature=", "signature=1"),
        signed.replace("/vagrant.box", "/x/vagrant.box"),
    ] {
        assert_eq!(download(&hcp, &other, "").await.status, 404, "{other}");
    }
    let signature = signed.split_once("signature=").unwrap().1;
    let journal = hcp.fixture.get("/_mock/requests").await;
    assert!(!journal.body.contains(signature), "{}", journal.body);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(download(&hcp, &signed, "").await.status, 404);
}

#[tokio::test]
async fn an_upload_needs_an_architecture_and_the_right_to_write() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    for tail in ["upload", "direct/upload"] {
        let other = path_of(&format!("{ARCHITECTURE}x/{tail}"));
        assert_eq!(hcp.refused(Method::GET, &other, None).await.0, 404);
        let path = path_of(&format!("{ARCHITECTURE}/{tail}"));
        for (token, status) in [("", 401), ("RITAS-TOKEN", 404), ("WENDYS-TOKEN", 200)] {
            let reply = hcp.call_as(token, Method::GET, &path, None).await;
            assert_eq!(reply.status, status, "{token}: {}", reply.body);
        }
    }
}
