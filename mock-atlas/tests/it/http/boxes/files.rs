//! Tests the files of boxes: their addresses, ranges, redirects and counts.

use reqwest::{Client, Method, Response, StatusCode, redirect::Policy};
use serde_json::json;

use super::*;

/// Sends a request that follows no redirect.
async fn ask(fixture: &Fixture, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let client = Client::builder().no_proxy().redirect(Policy::none());
    let url = format!("{}{path}", fixture.atlas.url());
    let mut request = client.build().unwrap().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn location(response: &Response) -> &str {
    response.headers()["location"].to_str().unwrap()
}

/// Publishes a version, and returns the path of its file.
async fn published(fixture: &Fixture) -> String {
    make_box(fixture, &[]).await;
    let provider = publish(fixture, "1.0.0", BYTES).await;
    let url = shown(fixture, &provider).await["download_url"].clone();
    path_of(fixture, &url).to_owned()
}

#[tokio::test]
async fn a_file_has_an_immutable_address_to_which_lasting_ones_lead() {
    let fixture = Fixture::new().await;
    let path = published(&fixture).await;
    let providers = "/acme/boxes/web/versions/1.0.0/providers/virtualbox";
    assert_eq!(path, format!("{providers}/amd64/{SHA256}/vagrant.box"));
    for lasting in [
        format!("{providers}/amd64/vagrant.box"),
        format!("{providers}.box"),
    ] {
        for doubled in ["", "/"] {
            for method in [Method::GET, Method::HEAD] {
                let query = format!("{doubled}{lasting}?access_token=T");
                let found = ask(&fixture, method, &query, &[]).await;
                assert_eq!(found.status(), 302, "{query}");
                let url = format!("{}{path}?access_token=T", fixture.atlas.url());
                assert_eq!(location(&found), url);
            }
        }
        assert_eq!(
            fixture
                .anonymous(Method::GET, &lasting)
                .send()
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap(),
            BYTES
        );
    }
    for doubled in ["", "/"] {
        let reply = ask(&fixture, Method::GET, &format!("{doubled}{path}"), &[]).await;
        assert_eq!(reply.bytes().await.unwrap(), BYTES);
    }
    // Other bytes have another address, and the old one is gone.
    upload(
        &fixture,
        &format!("{}/provider/virtualbox/amd64", version_path("1.0.0")),
        b"other",
    )
    .await;
    assert_eq!(ask(&fixture, Method::GET, &path, &[]).await.status(), 404);
    for unknown in [
        "/acme/boxes/web/versions/1.0.0/providers/virtualbox",
        "/acme/boxes/web/versions/1.0.0/providers/libvirt.box",
    ] {
        assert_eq!(ask(&fixture, Method::GET, unknown, &[]).await.status(), 404);
    }
}

#[tokio::test]
async fn a_download_resumes_and_a_range_from_the_end_gets_the_whole_file() {
    let fixture = Fixture::new().await;
    let path = published(&fixture).await;
    let len = BYTES.len();
    let range = async |range: &str| {
        let reply = ask(&fixture, Method::GET, &path, &[("Range", range)]).await;
        let content_range = reply.headers().get("content-range").cloned();
        let content_range = content_range.map(|value| value.to_str().unwrap().to_owned());
        (
            reply.status().as_u16(),
            content_range,
            reply.bytes().await.unwrap(),
        )
    };
    let (status, content_range, bytes) = range("bytes=4-").await;
    assert_eq!(status, 206);
    assert_eq!(content_range.unwrap(), format!("bytes 4-{}/{len}", len - 1));
    assert_eq!(bytes, BYTES[4..]);
    let (status, content_range, bytes) = range(&format!("bytes={len}-")).await;
    assert_eq!((status, content_range), (200, None));
    assert_eq!(bytes, BYTES);
    assert_eq!(range(&format!("bytes={}-", len + 1)).await.0, 416);

    let head = ask(&fixture, Method::HEAD, &path, &[]).await;
    assert_eq!(head.headers()["content-length"], len.to_string().as_str());
    assert_eq!(head.headers()["accept-ranges"], "bytes");
    let tag = head.headers()["etag"].to_str().unwrap();
    assert!(tag.starts_with("\"blake3-"), "{tag}");
    let known = ask(&fixture, Method::GET, &path, &[("If-None-Match", tag)]).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn downloads_are_counted_once_each() {
    let fixture = Fixture::new().await;
    let path = published(&fixture).await;
    let downloads = async || shown(&fixture, "/api/v2/box/acme/web").await["downloads"].clone();
    assert_eq!(downloads().await, 0);
    ask(&fixture, Method::GET, &path, &[]).await;
    ask(&fixture, Method::HEAD, &path, &[]).await;
    ask(&fixture, Method::GET, &path, &[("Range", "bytes=4-")]).await;
    ask(
        &fixture,
        Method::GET,
        "/acme/boxes/web/versions/1.0.0/providers/virtualbox.box",
        &[],
    )
    .await;
    assert_eq!(downloads().await, 1);
    make_provider(
        &fixture,
        "1.0.0",
        json!({"name": "qemu", "url": "https://files.test/q.box"}),
    )
    .await;
    let external = "/acme/boxes/web/versions/1.0.0/providers/qemu.box?access_token=ROOT";
    let found = ask(&fixture, Method::GET, external, &[]).await;
    assert_eq!(
        (found.status().as_u16(), location(&found)),
        (302, "https://files.test/q.box")
    );
    ask(&fixture, Method::HEAD, external, &[]).await;
    assert_eq!(downloads().await, 2);
}

#[tokio::test]
async fn the_file_of_a_private_box_needs_a_token_and_that_of_a_public_one_none_whatever_is_sent() {
    let fixture = Fixture::new().await;
    let path = published(&fixture).await;
    let status = async |path: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", &*bearer)];
        ask(&fixture, Method::GET, path, &headers)
            .await
            .status()
            .as_u16()
    };
    for token in ["ROOT", "RIVAL", "bad", "bad;worse", ";"] {
        assert_eq!(status(&path, token).await, 200, "{token}");
    }
    put(
        &fixture,
        "/api/v2/box/acme/web",
        json!({"box": {"is_private": true}}),
    )
    .await;
    for (token, expected) in [
        ("ROOT", 200),
        ("old;ROOT", 200),
        (";ROOT", 200),
        ("RIVAL", 404),
        ("bad", 404),
        ("", 404),
    ] {
        assert_eq!(status(&path, token).await, expected, "{token}");
        let query = format!("{path}?access_token={token}");
        assert_eq!(
            ask(&fixture, Method::GET, &query, &[]).await.status(),
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn the_file_of_a_version_that_is_not_active_is_for_those_who_may_write() {
    let fixture = Fixture::new().await;
    let path = published(&fixture).await;
    done(
        &fixture,
        Method::PUT,
        &format!("{}/revoke", version_path("1.0.0")),
        None,
    )
    .await;
    assert_eq!(ask(&fixture, Method::GET, &path, &[]).await.status(), 404);
    let token = [("Authorization", "Bearer ROOT")];
    assert_eq!(
        ask(&fixture, Method::GET, &path, &token).await.status(),
        200
    );
}

#[tokio::test]
async fn a_download_that_broke_off_is_resumed_at_the_same_address() {
    let fault = "box.download:cut-after=4,times=1".parse().unwrap();
    let fixture = Fixture::with(|builder| builder.fault(fault)).await;
    let path = published(&fixture).await;
    let mut cut = ask(&fixture, Method::GET, &path, &[]).await;
    let mut received = Vec::new();
    while let Ok(Some(part)) = cut.chunk().await {
        received.extend_from_slice(&part);
    }
    assert_eq!(received, BYTES[..4]);
    let rest = ask(&fixture, Method::GET, &path, &[("Range", "bytes=4-")]).await;
    assert_eq!(rest.status(), 206);
    assert_eq!(rest.bytes().await.unwrap(), BYTES[4..]);
}
