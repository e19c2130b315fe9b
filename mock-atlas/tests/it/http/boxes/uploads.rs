//! Tests uploads of files of boxes, directly and not, and their checksums.

use reqwest::{Body, Method};
use serde_json::json;

use super::*;
use crate::support::NOT_FOUND;

/// Creates `acme/web` with a version and a provider, whose path it returns.
async fn provider(fixture: &Fixture, provider: serde_json::Value) -> String {
    make_box(fixture, &["1.0.0"]).await;
    make_provider(fixture, "1.0.0", provider).await;
    format!("{}/provider/virtualbox/amd64", version_path("1.0.0"))
}

fn amd64() -> serde_json::Value {
    json!({"name": "virtualbox", "architecture": "amd64"})
}

#[tokio::test]
async fn a_file_that_is_not_uploaded_directly_is_there_when_its_put_ends() {
    let fixture = Fixture::new().await;
    let path = provider(&fixture, amd64()).await;
    let begun = shown(&fixture, &format!("{path}/upload")).await;
    let url = begun["upload_path"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/_binstore/", fixture.atlas.url())));
    assert!(begun["token"].is_string());
    assert_eq!(shown(&fixture, &path).await["hosted"], false);
    // As Packer does it, with the token and a JSON Content-Type.
    let request = fixture.http.put(url).bearer_auth("ROOT").body(BYTES);
    let request = request.header("Content-Type", "application/json");
    assert_eq!(request.send().await.unwrap().status(), 200);
    let found = shown(&fixture, &path).await;
    assert_eq!(found["hosted"], true);
    assert_eq!(found["original_url"], json!(null));
    assert_eq!(
        (&found["checksum"], &found["checksum_type"]),
        (&json!(SHA256), &json!("sha256"))
    );
    // The same bytes again are no error, and others are.
    assert_eq!(fixture.put(url, BYTES).await.status, 200);
    assert_eq!(fixture.put(url, b"others").await.status, 409);
}

#[tokio::test]
async fn a_file_may_come_in_chunks_and_after_a_wait_for_the_servers_consent() {
    let fixture = Fixture::new().await;
    let path = provider(&fixture, amd64()).await;
    let begun = shown(&fixture, &format!("{path}/upload")).await;
    let parts = BYTES.chunks(5).map(Ok::<_, std::io::Error>);
    let body = Body::wrap_stream(futures_util::stream::iter(parts.collect::<Vec<_>>()));
    let request = fixture.http.put(begun["upload_path"].as_str().unwrap());
    let request = request.header("Expect", "100-continue").body(body);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(shown(&fixture, &path).await["checksum"], SHA256);
}

#[tokio::test]
async fn a_file_that_is_uploaded_directly_awaits_its_callback() {
    let fixture = Fixture::new().await;
    let path = provider(&fixture, amd64()).await;
    for (api, tail, bytes) in [
        ("v1", "", &b"one"[..]),
        ("v1", "/amd64", b"two"),
        ("v2", "", b"three"),
        ("v2", "/amd64", b"four"),
    ] {
        let provider = format!("/api/{api}/box/acme/web/version/1.0.0/provider/virtualbox{tail}");
        let begun = shown(&fixture, &format!("{provider}/upload/direct")).await;
        let callback = path_of(&fixture, &begun["callback"]);
        let complete = format!("{provider}/upload/complete/");
        assert!(
            callback.starts_with(&complete) && !callback.contains('?'),
            "{callback}"
        );
        let before = shown(&fixture, &path).await;
        let message = refused(&fixture, Method::PUT, callback, None, 422).await;
        assert!(message.contains("has not arrived"), "{message}");

        let url = begun["upload_path"].as_str().unwrap();
        assert_eq!(fixture.put(url, bytes).await.status, 200);
        assert_eq!(shown(&fixture, &path).await, before);
        let anonymous = call_as(&fixture, None, Method::PUT, callback, None).await;
        assert_eq!(anonymous.status, 401);
        for _ in 0..2 {
            let completed = done(&fixture, Method::PUT, callback, None).await;
            assert_eq!(completed["hosted"], true);
            assert_eq!(completed.get("architecture").is_some(), api == "v2");
        }
        assert_ne!(shown(&fixture, &path).await["checksum"], before["checksum"]);
    }
    // There is one artifact version, that of the last upload.
    let search = "/api/v1/artifacts/acme/web/vagrant.box/search";
    let found = fixture.get(search).await.json();
    assert_eq!(found["versions"].as_array().unwrap().len(), 1);
    let metadata = &found["versions"][0]["metadata"];
    assert_eq!(
        (&metadata["provider"], &metadata["architecture"]),
        (&json!("virtualbox"), &json!("amd64"))
    );
    assert_eq!(metadata["version"], "1.0.0");
}

#[tokio::test]
async fn a_new_upload_replaces_the_one_before_it() {
    let fixture = Fixture::new().await;
    let path = provider(&fixture, amd64()).await;
    let first = shown(&fixture, &format!("{path}/upload/direct")).await;
    let second = shown(&fixture, &format!("{path}/upload")).await;
    let url = first["upload_path"].as_str().unwrap();
    assert_eq!(fixture.put(url, BYTES).await.status, 404);
    let callback = path_of(&fixture, &first["callback"]);
    assert_eq!(
        call(&fixture, Method::PUT, callback, None).await.body,
        NOT_FOUND
    );
    let url = second["upload_path"].as_str().unwrap();
    assert_eq!(fixture.put(url, BYTES).await.status, 200);
    for tail in ["not-a-uuid", "00000000-0000-0000-0000-000000000007"] {
        let path = format!("{path}/upload/complete/{tail}");
        assert_eq!(call(&fixture, Method::PUT, &path, None).await.status, 404);
    }
}

#[tokio::test]
async fn a_told_checksum_is_shown_for_its_bytes_and_void_for_the_next_ones() {
    let fixture = Fixture::new().await;
    let told = json!({"name": "virtualbox", "architecture": "amd64", "checksum": "abc", "checksum_type": "sha512"});
    let path = provider(&fixture, told).await;
    assert_eq!(shown(&fixture, &path).await["checksum"], "abc");
    let found = upload(&fixture, &path, b"first").await;
    assert_eq!(
        (&found["checksum"], &found["checksum_type"]),
        (&json!("abc"), &json!("sha512"))
    );
    let found = upload(&fixture, &path, BYTES).await;
    assert_eq!(
        (&found["checksum"], &found["checksum_type"]),
        (&json!(SHA256), &json!("sha256"))
    );
    // Told before the bytes, it is theirs: until they come, that of the present file is shown.
    let next = json!({"provider": {"checksum": "def", "checksum_type": "md5"}});
    assert_eq!(put(&fixture, &path, next).await["checksum"], SHA256);
    assert_eq!(upload(&fixture, &path, b"third").await["checksum"], "def");
}

#[tokio::test]
async fn a_file_that_is_not_as_told_is_taken_and_noted() {
    // A box of libvirt for arm64.
    const BOX: &[u8] = include_bytes!("../../../data/boxes/plain.tar");
    let fixture = Fixture::new().await;
    let told = json!({"name": "virtualbox", "architecture": "amd64", "checksum": "abc", "checksum_type": "sha512"});
    let path = provider(&fixture, told).await;
    let found = upload(&fixture, &path, BOX).await;
    assert_eq!(
        (&found["hosted"], &found["checksum"]),
        (&json!(true), &json!("abc"))
    );
    let lints = fixture.atlas.lints();
    let kinds: Vec<String> = lints.iter().map(|lint| lint.kind.to_string()).collect();
    assert_eq!(kinds, ["box-provider", "box-architecture", "box-checksum"]);
}

#[tokio::test]
async fn bytes_and_a_url_take_each_others_place() {
    let fixture = Fixture::new().await;
    let path = provider(&fixture, amd64()).await;
    upload(&fixture, &path, BYTES).await;
    let url = json!({"provider": {"url": "https://files.test/a.box"}});
    let external = put(&fixture, &path, url).await;
    assert_eq!(
        (&external["hosted"], &external["checksum"]),
        (&json!(false), &json!(null))
    );
    assert_eq!(external["original_url"], "https://files.test/a.box");
    let hosted = upload(&fixture, &path, BYTES).await;
    assert_eq!(
        (&hosted["hosted"], &hosted["original_url"]),
        (&json!(true), &json!(null))
    );
}

#[tokio::test]
async fn an_upload_needs_a_provider_and_the_right_to_write() {
    let fixture = Fixture::new().await;
    let path = provider(&fixture, amd64()).await;
    for tail in ["upload", "upload/direct"] {
        for (token, status) in [(None, 401), (Some("RIVAL"), 404), (Some("bad"), 401)] {
            let path = format!("{path}/{tail}");
            let reply = call_as(&fixture, token, Method::GET, &path, None).await;
            assert_eq!(reply.status, status, "{path}");
        }
        let other = format!("{}/provider/libvirt/{tail}", version_path("1.0.0"));
        assert_eq!(get(&fixture, &other).await.body, NOT_FOUND);
    }
}

#[tokio::test]
async fn faults_the_journal_and_the_metrics_know_uploads_of_boxes() {
    let fault = "box.callback:status=503,times=1".parse().unwrap();
    let fixture = Fixture::with(|builder| builder.fault(fault)).await;
    let path = provider(&fixture, amd64()).await;
    let begun = shown(&fixture, &format!("{path}/upload/direct")).await;
    fixture
        .put(begun["upload_path"].as_str().unwrap(), BYTES)
        .await;
    let callback = path_of(&fixture, &begun["callback"]);
    assert_eq!(
        call(&fixture, Method::PUT, callback, None).await.status,
        503
    );
    done(&fixture, Method::PUT, callback, None).await;
    let requests = fixture.atlas.requests();
    let last = serde_json::to_value(requests.last().unwrap()).unwrap();
    let (prefix, id) = callback.rsplit_once('/').unwrap();
    assert_eq!(last["path"], format!("{prefix}/{{hidden}}"));
    let route = "/api/v2/box/{username}/{name}/version/{version}/provider/{provider}/{architecture}/upload/complete/{upload}";
    assert_eq!(last["route"], route);
    let journal = serde_json::to_string(&requests).unwrap();
    assert!(!journal.contains(id));
    let metrics = fixture.mock(Method::GET, "/metrics", None).await.body;
    let line = format!(r#"requests_total{{method="PUT",route="{route}",status="200"}} 1"#);
    assert!(metrics.contains(&line), "{metrics}");
}
