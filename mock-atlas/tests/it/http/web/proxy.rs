//! Tests that pages work behind a proxy that takes the path of the public URL away from each request.

use reqwest::header::HOST;
use serde_json::json;

use super::*;
use crate::support::upload_path;

const BASE: &str = "/team/atlas";

/// A browser that reaches an emulator through the proxy.
struct Behind<'a>(Browser<'a>);

impl Behind<'_> {
    /// Sends a request to a path as the browser knows it.
    async fn send(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> Response {
        let stripped = path.strip_prefix(BASE).expect(path);
        let request = self
            .0
            .request(method, stripped)
            .header(HOST, "boxes.example.com");
        let request = request.header(ORIGIN, "https://boxes.example.com");
        request.form(fields).send().await.unwrap()
    }

    async fn page(&self, path: &str) -> String {
        let reply = self.send(Method::GET, path, &[]).await;
        assert_eq!(reply.status(), 200, "{path}");
        reply.text().await.unwrap()
    }
}

/// Returns the addresses on a page: of links, forms, style and script, and of the stream of requests.
fn addresses(page: &str) -> Vec<String> {
    let attributes = ["href=\"", "action=\"", "src=\"", "data-live=\""];
    let found = attributes.iter().flat_map(|start| {
        page.split(start)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
    });
    let found = found.map(|address| address.replace("&#38;", "&"));
    found.filter(|address| address != "#main").collect()
}

/// Starts an emulator with an artifact and a box. Its uploads would go through the proxy.
async fn fixture() -> Fixture {
    let public_url = format!("https://boxes.example.com{BASE}");
    let fixture = Fixture::with(|builder| builder.public_url(&public_url)).await;
    fixture.make_artifact("acme", "web").await;
    for _ in 0..2 {
        let version = fixture.make_version(json!({"id": "x", "file": true})).await;
        let direct = upload_path(&version).replace(&public_url, fixture.atlas.url());
        assert_eq!(fixture.put(&direct, b"bytes").await.status, 200);
    }
    let boxes = "/api/v2/box/acme/debian";
    let provider = json!({"name": "virtualbox", "url": "https://example.com/x.box"});
    for (path, body) in [
        (
            "/api/v2/boxes",
            json!({"box": {"username": "acme", "name": "debian"}}),
        ),
        (
            &format!("{boxes}/versions"),
            json!({"version": {"version": "1.0.0"}}),
        ),
        (
            &format!("{boxes}/version/1.0.0/providers"),
            json!({ "provider": provider }),
        ),
    ] {
        let reply = fixture.post(path, body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    fixture
}

#[tokio::test]
async fn every_address_on_a_page_begins_with_the_path_of_the_public_url() {
    let fixture = fixture().await;
    let mut browser = Behind(Browser::new(&fixture));
    let path = |path: &str| format!("{BASE}{path}");
    let missing = browser
        .send(Method::GET, &path("/_mock/control/data"), &[])
        .await;
    let sign_in = location(&missing).to_owned();
    assert!(sign_in.starts_with(&path("/_mock/pages/sign-in?then=%2F_mock%2F")));
    let fields = [("token", "ROOT"), ("then", "/_mock/control/data")];
    let reply = browser
        .send(Method::POST, &path("/_mock/pages/sign-in"), &fields)
        .await;
    assert_eq!(location(&reply), path("/_mock/control/data"));
    let set = reply.headers()[SET_COOKIE].to_str().unwrap();
    assert!(set.contains(&format!("; Path={BASE}/; ")), "{set}");
    browser.0.cookie = Some(cookie(&reply));
    for page in [
        "/",
        "/?q=web",
        "/acme",
        "/acme/web",
        "/acme/web?type=custom.image&version=1",
        "/acme/web?type=custom.image&from=1&to=2",
        "/acme/debian",
        "/_mock/",
        "/_mock/control/faults",
        "/_mock/control/data",
        "/_mock/control/access",
        "/_mock/control/webhooks",
        "/_mock/control/audit",
        "/_mock/control/metrics",
        "/_mock/control/requests/1",
        "/_mock/pages/api",
        "/_mock/pages/sign-in",
    ] {
        let text = browser.page(&path(page)).await;
        for address in addresses(&text) {
            // The requests are below the page that lists them.
            let is_below = page == "/_mock/" && address.starts_with("control/requests/");
            assert!(
                is_below || address.starts_with(&path("/")),
                "{page}: {address}"
            );
            if address.contains("/assets/") || address.contains("/files/") {
                browser.page(&address).await;
            }
        }
    }
}

#[tokio::test]
async fn a_form_does_its_work_and_leads_back_behind_the_proxy() {
    let fixture = fixture().await;
    let mut browser = Behind(Browser::signed_in(&fixture, "ROOT").await);
    let page = browser.page(&format!("{BASE}/acme/debian")).await;
    let form = addresses(&page)
        .into_iter()
        .find(|of| of.contains("/boxes/"));
    let proof = browser.0.proof().await;
    let fields = [
        ("form_token", proof.as_str()),
        ("version", "1.0.0"),
        ("action", "release"),
    ];
    let reply = browser.send(Method::POST, &form.unwrap(), &fields).await;
    assert_eq!(location(&reply), format!("{BASE}/acme/debian#box"));
    let shown = fixture.get("/api/v2/box/acme/debian/version/1.0.0").await;
    assert_eq!(shown.json()["status"], json!("active"));
    let fields = [("form_token", proof.as_str())];
    let reply = browser
        .send(
            Method::POST,
            &format!("{BASE}/_mock/pages/sign-out"),
            &fields,
        )
        .await;
    assert_eq!(location(&reply), format!("{BASE}/"));
    browser.0.cookie = None;
    assert!(browser.page(&format!("{BASE}/")).await.contains("Sign in"));
}

#[tokio::test]
async fn whoever_comes_directly_gets_addresses_without_that_path() {
    let fixture = fixture().await;
    let browser = Browser::signed_in(&fixture, "ROOT").await;
    let page = browser.page("/acme/web").await;
    assert!(page.contains("href=\"/acme\"") && !page.contains(&format!("\"{BASE}")));
}
