//! Tests of the control room.

use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::*;
use crate::support::FILE;

async fn room(fixture: &Fixture) -> Browser<'_> {
    Browser::signed_in(fixture, "ROOT").await
}

#[tokio::test]
async fn requests_are_filtered_and_each_is_shown_in_full() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let search = format!("{FILE}/search?access_token=ROOT&%3Cb%3E=1");
    let searched = fixture.request(Method::GET, &search).send().await.unwrap();
    assert_eq!(searched.status(), 200);
    assert_eq!(fixture.get("/api/v1/artifacts/acme/none").await.status, 404);
    let browser = room(&fixture).await;
    let numbers = async |query: &str| {
        let page = browser.page(&format!("/_mock/?{query}")).await;
        let rows = page.match_indices("href=\"control/requests/");
        let rows = rows.map(|(at, start)| {
            let number = page[at + start.len()..].split('"').next().unwrap();
            number.parse::<u64>().unwrap()
        });
        rows.collect::<Vec<_>>()
    };
    assert_eq!(numbers("").await, [3, 2, 1]);
    assert_eq!(numbers("status=4xx").await, [3]);
    assert_eq!(numbers("method=post&path=artifacts").await, [1]);
    assert_eq!(numbers("user=atlas&path=acme%2Fweb").await, [2]);
    assert!(numbers("user=nobody").await.is_empty());
    let page = browser.page("/_mock/control/requests/2").await;
    for text in ["GET", "X-Atlas-Token: {hidden}", "/search", "200"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("ROOT") && !page.contains("<b>"), "{page}");
    for missing in ["9", "x"] {
        let path = format!("/_mock/control/requests/{missing}");
        assert_eq!(browser.open(&path).await.status, 404);
    }
}

#[tokio::test]
async fn requests_come_in_as_they_are_made() {
    let fixture = Fixture::new().await;
    let browser = room(&fixture).await;
    let page = browser.page("/_mock/?path=artifacts").await;
    let (_, live) = page.split_once("data-live=\"").unwrap();
    let live = live.split('"').next().unwrap().replace("&#38;", "&");
    let mut stream = browser.request(Method::GET, &live).send().await.unwrap();
    assert_eq!(headers(&stream)["content-type"], "text/event-stream");
    fixture.get("/api/v1/authenticate").await;
    fixture.get("/api/v1/artifacts/acme/%3Cb%3E").await;
    let mut events = String::new();
    while !events.contains("data:") {
        let chunk = stream.chunk().await.unwrap().unwrap();
        events.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(
        events.contains("acme/%3Cb%3E") && !events.contains("authenticate"),
        "{events}"
    );
    let data = events
        .lines()
        .find(|line| line.starts_with("data: "))
        .unwrap();
    assert!(
        data.starts_with("data: <tr>") && data.contains("</tr>"),
        "{data}"
    );
}

#[tokio::test]
async fn a_stream_of_requests_does_not_keep_the_emulator_from_stopping() {
    let fixture = Fixture::new().await;
    let live = room(&fixture)
        .await
        .request(Method::GET, "/_mock/control/live");
    let mut stream = live.send().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some());
    let begun = std::time::Instant::now();
    let Fixture { atlas, .. } = fixture;
    atlas.stop().await;
    // Requests under way have ten seconds.
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_fault_is_added_met_and_removed() {
    let fixture = Fixture::new().await;
    let browser = room(&fixture).await;
    let path = "/_mock/control/faults";
    let add = [
        ("action", "add"),
        ("fault[rule]", "authenticate:status=503,times=1"),
    ];
    assert_eq!(browser.submit(path, &add).await.status(), 303);
    assert_eq!(fixture.get("/api/v1/authenticate").await.status, 503);
    assert!(
        browser
            .page(path)
            .await
            .contains("<td>1 requests</td><td>1</td>")
    );
    let request = browser.page("/_mock/control/requests/1").await;
    assert!(
        request.contains("authenticate:status=503,times=1"),
        "{request}"
    );
    let wrong = [("action", "add"), ("fault[rule]", "<b>:reset")];
    let reply = browser.submit(path, &wrong).await;
    assert_eq!(reply.status(), 422);
    let page = reply.text().await.unwrap();
    assert!(
        page.contains("unknown route") && !page.contains("<b>"),
        "{page}"
    );
    let remove = [("action", "remove"), ("id", "1")];
    assert_eq!(browser.submit(path, &remove).await.status(), 303);
    assert_eq!(browser.submit(path, &remove).await.status(), 404);
    assert!(browser.page(path).await.contains("No fault is set"));
}

#[tokio::test]
async fn a_seed_is_added_and_a_wrong_one_is_given_back() {
    let fixture = Fixture::new().await;
    let browser = room(&fixture).await;
    let path = "/_mock/control/data";
    let seed = r#"{"users": [{"username": "amy"}], "artifacts": [{"name": "amy/seeded"}]}"#;
    let reply = browser
        .submit(path, &[("action", "seed"), ("seed", seed)])
        .await;
    assert_eq!(reply.status(), 303);
    assert!(browser.page("/amy").await.contains("/amy/seeded"));
    let wrong = r#"{"users": [{"username": "</textarea><b>"}]}"#;
    let reply = browser
        .submit(path, &[("action", "seed"), ("seed", wrong)])
        .await;
    assert_eq!(reply.status(), 422);
    let page = reply.text().await.unwrap();
    assert!(
        !page.contains("<b>") && page.contains("role=\"alert\""),
        "{page}"
    );
}

/// Returns a form with a file, as browsers send it.
fn form(proof: &str, archive: &[u8]) -> Vec<u8> {
    let field = "--BOUNDARY\r\nContent-Disposition: form-data; name=";
    let head = format!(
        "{field}\"form_token\"\r\n\r\n{proof}\r\n{field}\"archive\"; filename=\"a.tar\"\r\n\
         Content-Type: application/x-tar\r\n\r\n"
    );
    [head.as_bytes(), archive, b"\r\n--BOUNDARY--\r\n"].concat()
}

#[tokio::test]
async fn a_snapshot_is_downloaded_and_restored_after_a_reset() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"bytes").await;
    let browser = room(&fixture).await;
    let path = "/_mock/control/data";
    let snapshot = browser.submit(path, &[("action", "snapshot")]).await;
    assert_eq!(
        headers(&snapshot)["content-disposition"],
        "attachment; filename=\"mock-atlas.tar\""
    );
    let archive = snapshot.bytes().await.unwrap();
    assert_eq!(
        browser.submit(path, &[("action", "reset")]).await.status(),
        303
    );
    assert_eq!(fixture.get("/api/v1/artifacts/acme/web").await.status, 404);
    let restore = async |proof: String, archive: &[u8]| {
        let request = browser.request(Method::POST, "/_mock/control/restore");
        let kind = "multipart/form-data; boundary=BOUNDARY";
        let request = request
            .header(CONTENT_TYPE, kind)
            .body(form(&proof, archive));
        let request = request.header(ORIGIN, fixture.atlas.url());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(restore("wrong".to_owned(), &archive).await, 403);
    assert_eq!(restore(browser.proof().await, b"no archive").await, 400);
    assert_eq!(fixture.get("/api/v1/artifacts/acme/web").await.status, 404);
    assert_eq!(restore(browser.proof().await, &archive).await, 303);
    assert_eq!(fixture.found("").await, [1]);
}

#[tokio::test]
async fn a_token_is_made_shown_once_and_revoked() {
    let fixture = Fixture::new().await;
    let browser = room(&fixture).await;
    let path = "/_mock/control/access";
    let make = [
        ("action", "make"),
        ("token[username]", "rival"),
        ("token[description]", "<b>laptop"),
        ("token[scope]", "read"),
        ("token[expires_at]", ""),
    ];
    let page = browser.submit(path, &make).await.text().await.unwrap();
    let (_, value) = page.split_once("<pre class=\"copy\"><code>").unwrap();
    let value = value.split('<').next().unwrap().to_owned();
    let check = fixture.anonymous(Method::GET, "/api/v1/authenticate");
    let check = check.header("X-Atlas-Token", &value).send().await.unwrap();
    assert_eq!(check.status(), 200);
    let page = browser.page(path).await;
    assert!(
        !page.contains(&value) && page.contains("&lt;b&gt;laptop"),
        "{page}"
    );
    let tokens = fixture.mock(Method::GET, "/tokens", None).await.json();
    let made = tokens["tokens"].as_array().unwrap().last().unwrap().clone();
    let revoke = [("action", "revoke"), ("id", made["id"].as_str().unwrap())];
    assert_eq!(browser.submit(path, &revoke).await.status(), 303);
    assert!(!browser.page(path).await.contains("laptop"));
    let wrong = [("action", "make"), ("token[username]", "nobody")];
    assert_eq!(browser.submit(path, &wrong).await.status(), 422);
}

#[tokio::test]
async fn a_quota_is_set_and_removed() {
    let fixture = Fixture::new().await;
    let browser = room(&fixture).await;
    let path = "/_mock/control/access";
    let set = [
        ("action", "set-quota"),
        ("owner", "rival"),
        ("quota[bytes]", "2000000"),
    ];
    assert_eq!(browser.submit(path, &set).await.status(), 303);
    assert!(browser.page(path).await.contains("2.0 MB"));
    let remove = [("action", "remove-quota"), ("owner", "rival")];
    assert_eq!(browser.submit(path, &remove).await.status(), 303);
    assert!(
        browser
            .page(path)
            .await
            .contains("No user and no organization has a quota")
    );
    let wrong = [
        ("action", "set-quota"),
        ("owner", "a b"),
        ("quota[bytes]", "1"),
    ];
    assert_eq!(browser.submit(path, &wrong).await.status(), 422);
}

#[tokio::test]
async fn a_webhook_is_added_tested_and_removed() {
    let fixture = Fixture::new().await;
    let browser = room(&fixture).await;
    let path = "/_mock/control/webhooks";
    // No port 9 answers; the deliveries wait.
    let add = [
        ("action", "add"),
        ("webhook[url]", "https://hooks.invalid/x"),
    ];
    let page = browser.submit(path, &add).await.text().await.unwrap();
    assert!(page.contains("shown this once"), "{page}");
    let webhooks = fixture.mock(Method::GET, "/webhooks", None).await.json();
    let id = webhooks["webhooks"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        browser
            .submit(path, &[("action", "test"), ("id", &id)])
            .await
            .status(),
        303
    );
    assert!(browser.page(path).await.contains("<td>ping</td>"));
    let again = [("action", "redeliver"), ("number", "1")];
    assert_eq!(browser.submit(path, &again).await.status(), 303);
    assert_eq!(
        browser
            .submit(path, &[("action", "remove"), ("id", &id)])
            .await
            .status(),
        303
    );
    assert!(browser.page(path).await.contains("There is no webhook"));
    let wrong = [("action", "add"), ("webhook[url]", "ftp://x")];
    assert_eq!(browser.submit(path, &wrong).await.status(), 422);
}

#[tokio::test]
async fn audit_metrics_lints_and_expectations_are_shown() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let browser = room(&fixture).await;
    let audit = browser.page("/_mock/control/audit?user=atlas&since=").await;
    assert!(audit.contains("/api/v1/artifacts"), "{audit}");
    assert_eq!(
        browser.open("/_mock/control/audit?since=x").await.status,
        422
    );
    let metrics = browser.page("/_mock/control/metrics").await;
    assert!(metrics.contains("<polyline points=\""), "{metrics}");
    let verdict = async |line: &str| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("expectations", line)
            .finish();
        browser.page(&format!("/_mock/?{query}")).await
    };
    let met = verdict("POST /api/v1/artifacts 200 exactly 1").await;
    assert!(met.contains("<pre>as expected, 1 requests"), "{met}");
    assert!(verdict("POST /nowhere").await.contains("/nowhere"));
    assert!(verdict("x").await.contains("<pre>"));
    let state = fixture.mock(Method::GET, "/requests", None).await.json();
    assert_eq!(state["requests"].as_array().unwrap().len(), 1);
    let clear = [("action", "clear-requests")];
    assert_eq!(
        browser.submit("/_mock/control/data", &clear).await.status(),
        303
    );
    let state = fixture.mock(Method::GET, "/requests", None).await.json();
    assert_eq!(state["requests"], json!([]));
}

#[tokio::test]
async fn the_description_of_the_api_is_a_page() {
    let fixture = Fixture::new().await;
    let page = Browser::new(&fixture).page("/_mock/pages/api").await;
    for text in [
        "/api/v1/artifacts/{username}/{name}",
        "POST",
        "id=\"schema-",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("/_mock/control/"), "pages are for people");
}
