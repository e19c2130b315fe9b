//! Tests that programs get what they got without pages, and browsers a page at the same address.

use reqwest::header::{ACCEPT, VARY};

use super::*;

#[tokio::test]
async fn a_program_gets_the_same_bytes_with_pages_as_without() {
    let (with, without) = (
        Fixture::new().await,
        Fixture::with(|of| of.no_pages()).await,
    );
    for fixture in [&with, &without] {
        fixture.push_box().await;
    }
    for path in ["/acme/debian", "//acme/debian", "/", "/acme", "/acme/none"] {
        for accept in [None, Some("*/*"), Some("application/json")] {
            let mut replies = Vec::new();
            for fixture in [&with, &without] {
                let mut request = fixture.anonymous(Method::GET, path);
                if let Some(accept) = accept {
                    request = request.header(ACCEPT, accept);
                }
                let reply = request.send().await.unwrap();
                let vary = reply
                    .headers()
                    .get(VARY)
                    .map(|value| value.to_str().unwrap().to_owned());
                let mut headers = headers(&reply);
                headers.remove("vary");
                let body = reply
                    .text()
                    .await
                    .unwrap()
                    .replace(fixture.atlas.url(), "URL");
                headers.remove("content-length");
                replies.push((headers, body, vary));
            }
            let [(of_with, body, vary), (of_without, other, none)] = &replies[..] else {
                unreachable!()
            };
            assert_eq!((of_with, body), (of_without, other), "{path} {accept:?}");
            let is_shared = !path.starts_with("//");
            assert_eq!(vary.as_deref(), is_shared.then_some("Accept"), "{path}");
            assert_eq!(*none, None);
        }
    }
}

#[tokio::test]
async fn a_browser_gets_a_page_that_may_load_nothing_from_elsewhere() {
    let fixture = Fixture::new().await;
    fixture.push_box().await;
    let browser = Browser::new(&fixture);
    for path in [
        "/",
        "/acme",
        "/acme/debian",
        "/acme/none",
        "/_mock/pages/sign-in",
        "/_mock/pages/api",
    ] {
        let reply = browser.request(Method::GET, path).send().await.unwrap();
        let headers = headers(&reply);
        assert_eq!(
            headers["content-type"], "text/html; charset=utf-8",
            "{path}"
        );
        let policy = &headers["content-security-policy"];
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"));
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cache-control"], "no-store");
        let page = reply.text().await.unwrap();
        for inline in [
            " style=",
            "<style",
            " onclick",
            "javascript:",
            "src=\"http",
            "//cdn",
        ] {
            assert!(!page.contains(inline), "{path}: {inline}");
        }
        assert_eq!(page.matches("<script").count(), 1, "{path}");
    }
}

#[tokio::test]
async fn without_pages_a_browser_gets_what_a_program_gets() {
    let fixture = Fixture::with(|builder| builder.no_pages()).await;
    fixture.push_box().await;
    let browser = Browser::new(&fixture);
    let document = browser.open("/acme/debian").await;
    assert_eq!(document.json()["name"], "acme/debian");
    for path in [
        "/",
        "/acme",
        "/_mock/",
        "/_mock/pages/sign-in",
        "/_mock/pages/api",
        "/_mock/pages/assets/page.js",
    ] {
        assert_eq!(browser.open(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn pages_are_neither_in_the_journal_nor_met_by_faults() {
    let fixture = Fixture::with(|builder| builder.fault("*:status=503".parse().unwrap())).await;
    let browser = Browser::new(&fixture);
    for path in ["/", "/acme", "/acme/public", "/_mock/pages/api"] {
        assert_eq!(browser.open(path).await.status, 200, "{path}");
    }
    let journal = fixture.mock(Method::GET, "/requests", None).await;
    assert_eq!(journal.json()["requests"], serde_json::json!([]));
}

#[tokio::test]
async fn the_assets_are_small_and_of_their_kinds() {
    let fixture = Fixture::new().await;
    let browser = Browser::new(&fixture);
    let mut size = 0;
    for (file, kind) in [
        ("style.css", "text/css; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let path = format!("/_mock/pages/assets/{file}");
        let reply = browser.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(headers(&reply)["content-type"], kind);
        size += reply.bytes().await.unwrap().len();
    }
    assert!(size < 20_000, "{size}");
    assert_eq!(
        browser.open("/_mock/pages/assets/none.js").await.status,
        404
    );
}
