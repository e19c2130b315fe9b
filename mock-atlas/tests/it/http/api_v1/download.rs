//! Tests downloads: `GET` and `HEAD /api/v1/artifacts/:username/:name/:type/:version/file`.

use reqwest::header::{HeaderMap, HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE};
use reqwest::{Method, Response};
use serde_json::json;

use crate::support::{FILE, Fixture};

/// The BLAKE3 of `0123456789`, computed by `b3sum`, as a tag.
const DIGEST: &str = "\"blake3-53b63a6fc8605d0c0ce559317a00177d72adb24d669235e4c914f443a8831ca1\"";

/// The SHA-256 of `0123456789`, computed by `sha256sum`, in Base64.
const SHA_256: &str = "sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:";

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"0123456789").await;
    fixture
}

async fn ask(fixture: &Fixture, method: Method, headers: &[(HeaderName, &str)]) -> Response {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(name, value.parse().unwrap());
    }
    let request = fixture
        .request(method, &format!("{FILE}/latest/file"))
        .headers(map);
    request.send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn get_and_head_tell_length_and_digest() {
    let fixture = fixture().await;
    for method in [Method::GET, Method::HEAD] {
        let response = ask(&fixture, method.clone(), &[]).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-length"), "10");
        assert_eq!(header(&response, "etag"), DIGEST);
        assert_eq!(header(&response, "accept-ranges"), "bytes");
        assert_eq!(
            header(&response, "content-type"),
            "application/octet-stream"
        );
        let expected = if method == Method::GET {
            "0123456789"
        } else {
            ""
        };
        assert_eq!(response.text().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn who_asks_for_the_sha_256_gets_that_of_the_whole_file() {
    let fixture = fixture().await;
    let want = HeaderName::from_static("want-repr-digest");
    let wanted = (want.clone(), "sha-512=10, sha-256=3");
    for (method, headers, status) in [
        (Method::HEAD, vec![wanted.clone()], 200),
        (Method::GET, vec![wanted.clone()], 200),
        (Method::GET, vec![wanted, (RANGE, "bytes=2-4")], 206),
    ] {
        let response = ask(&fixture, method, &headers).await;
        assert_eq!(response.status(), status);
        assert_eq!(header(&response, "repr-digest"), SHA_256);
        assert_eq!(header(&response, "etag"), DIGEST);
    }
    for refused in [
        vec![],
        vec![(want.clone(), "sha-256=0")],
        vec![(want, "md5=1")],
    ] {
        let response = ask(&fixture, Method::GET, &refused).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "repr-digest"), "");
    }
}

#[tokio::test]
async fn a_range_gives_that_part() {
    let fixture = fixture().await;
    for (range, part, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-1", "9", "bytes 9-9/10"),
    ] {
        let response = ask(&fixture, Method::GET, &[(RANGE, range)]).await;
        assert_eq!(response.status(), 206);
        assert_eq!(header(&response, "content-range"), content_range);
        assert_eq!(header(&response, "content-length"), part.len().to_string());
        assert_eq!(response.text().await.unwrap(), part);
    }
    // Only a GET has ranges.
    let head = ask(&fixture, Method::HEAD, &[(RANGE, "bytes=2-4")]).await;
    assert_eq!(
        (head.status().as_u16(), header(&head, "content-length")),
        (200, "10")
    );
}

#[tokio::test]
async fn a_range_that_means_nothing_gives_the_whole_and_one_beyond_the_end_an_error() {
    let fixture = fixture().await;
    for range in ["bytes=4-2", "bytes=1-2,4-5", "pages=1-2"] {
        let response = ask(&fixture, Method::GET, &[(RANGE, range)]).await;
        assert_eq!(response.status(), 200, "{range}");
    }
    let response = ask(&fixture, Method::GET, &[(RANGE, "bytes=10-")]).await;
    assert_eq!(response.status(), 416);
    assert_eq!(header(&response, "content-range"), "bytes */10");
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let fixture = fixture().await;
    for known in [DIGEST, "*", &format!("\"other\", {DIGEST}")] {
        // The condition is evaluated before the range (RFC 9110, 13.2.2).
        let headers = [(IF_NONE_MATCH, known), (RANGE, "bytes=99-")];
        let response = ask(&fixture, Method::GET, &headers).await;
        assert_eq!(response.status(), 304, "{known}");
        assert_eq!(header(&response, "etag"), DIGEST);
        let head = ask(&fixture, Method::HEAD, &[(IF_NONE_MATCH, known)]).await;
        assert_eq!(
            (head.status().as_u16(), header(&head, "content-length")),
            (304, "10")
        );
    }
    let other = ask(&fixture, Method::GET, &[(IF_NONE_MATCH, "\"other\"")]).await;
    assert_eq!(other.status(), 200);
}

#[tokio::test]
async fn a_range_of_another_file_gives_the_whole() {
    let fixture = fixture().await;
    let same = ask(
        &fixture,
        Method::GET,
        &[(RANGE, "bytes=2-4"), (IF_RANGE, DIGEST)],
    )
    .await;
    assert_eq!(same.status(), 206);
    for other in ["\"other\"", "unreadable", ""] {
        let headers = [(RANGE, "bytes=2-4"), (IF_RANGE, other)];
        let whole = ask(&fixture, Method::GET, &headers).await;
        assert_eq!(
            (whole.status().as_u16(), whole.text().await.unwrap().len()),
            (200, 10),
            "{other}"
        );
    }
}

#[tokio::test]
async fn latest_is_the_newest_version_that_has_a_file() {
    let fixture = fixture().await;
    fixture.push(b"two").await;
    fixture.make_version(json!({"id": "no file"})).await;
    fixture
        .make_version(json!({"id": "no bytes", "file": true}))
        .await;
    assert_eq!(
        fixture.get(&format!("{FILE}/latest/file")).await.body,
        "two"
    );
    assert_eq!(
        fixture.get(&format!("{FILE}/1/file")).await.body,
        "0123456789"
    );
    for version in ["3", "4", "5", "0", "any", "+1", "1.0"] {
        let reply = fixture.get(&format!("{FILE}/{version}/file")).await;
        assert_eq!(reply.status, 404, "{version}");
    }
}
