//! Tests that pages and `/_mock` answer only requests which name a host that the emulator is known by.

use mock_atlas::MockAtlas;
use reqwest::header::HOST;

use super::*;

const FROM_HERE: [&str; 6] = [
    "/",
    "/acme",
    "/acme/public",
    "/_mock/",
    "/_mock/pages/api",
    "/_mock/pages/sign-in",
];

async fn status(browser: &Browser<'_>, path: &str, host: &str) -> u16 {
    let request = browser.request(Method::GET, path).header(HOST, host);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn another_name_gets_421_from_pages_and_from_the_own_api_token_or_not() {
    let fixture = Fixture::with(|builder| {
        let builder = builder.allow_host("Atlas.internal");
        builder.public_url("https://boxes.example.com/atlas")
    })
    .await;
    let browser = Browser::signed_in(&fixture, "ROOT").await;
    for path in FROM_HERE
        .iter()
        .chain(&["/_mock/health", "/_mock/metrics", "/_mock/openapi.json"])
    {
        for host in [
            "127.0.0.1",
            "[::1]:8",
            "localhost:1",
            "atlas.internal",
            "boxes.example.com",
        ] {
            assert_eq!(status(&browser, path, host).await, 200, "{path} {host}");
        }
        for host in ["evil.example", "atlas.internal.evil.example", "example.com"] {
            assert_eq!(status(&browser, path, host).await, 421, "{path} {host}");
        }
    }
    let reset = fixture
        .request(Method::POST, "/_mock/reset")
        .header(HOST, "evil.example");
    let reply = Reply::of(reset.send().await.unwrap()).await;
    assert_eq!(reply.status, 421);
    assert!(reply.body.contains("--allow-host"), "{}", reply.body);
}

#[tokio::test]
async fn the_api_of_atlas_answers_any_host() {
    let fixture = Fixture::new().await;
    fixture.push_box().await;
    for path in [
        "/api/v1/authenticate",
        "/acme/debian",
        "/api/v2/vagrant/acme/debian",
    ] {
        let request = fixture
            .request(Method::GET, path)
            .header(HOST, "any.example");
        assert_eq!(request.send().await.unwrap().status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_at_the_start() {
    for name in ["http://atlas", "atlas:8080", ""] {
        let started = MockAtlas::builder().allow_host(name).start().await;
        let error = started.map(drop).unwrap_err().to_string();
        assert!(error.contains("without a scheme and a port"), "{error}");
    }
}
