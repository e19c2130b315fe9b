//! Tests the pages with Debian's Chromium: what somebody does there, what others cannot do, and how it looks.

mod accessibility;
mod chromium;

use std::path::Path;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use mock_atlas::Builder;
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::until;
use crate::support::{FILE, Fixture, upload_path};
use chromium::Page;

/// The largest picture in bytes.
const LARGEST: usize = 150_000;

struct Visit {
    fixture: Fixture,
    page: Page,
    downloads: TempDir,
}

impl Visit {
    /// Starts an emulator with an artifact, and a browser, which signs in with the root token.
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        fixture.make_artifact("acme", "web").await;
        Self::to(fixture).await
    }

    /// Starts a browser, which signs in to an emulator with the root token.
    async fn to(fixture: Fixture) -> Self {
        let downloads = tempfile::tempdir().unwrap();
        let page = Page::start(downloads.path()).await;
        let visit = Self {
            fixture,
            page,
            downloads,
        };
        visit.open("/_mock/").await;
        visit.page.until("!!document.querySelector('#token')").await;
        visit.page.fill("#token", "ROOT").await;
        visit.page.click("form.card button").await;
        visit.page.until("location.pathname === '/_mock/'").await;
        visit.page.until("document.readyState === 'complete'").await;
        visit
    }

    async fn open(&self, path: &str) {
        self.page
            .open(&format!("{}{path}", self.fixture.atlas.url()))
            .await;
    }

    async fn push(&self, metadata: serde_json::Value, bytes: &'static [u8]) {
        let new = json!({"id": "x", "file": true, "build_id": 7, "metadata": metadata});
        let version = self.fixture.make_version(new).await;
        let reply = self.fixture.put(&upload_path(&version), bytes).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_watches_a_push_downloads_it_adds_a_fault_compares_and_resets() {
    let visit = Visit::new().await;
    let page = &visit.page;
    page.until_text("New requests appear by themselves.").await;
    visit
        .push(json!({"os": "linux", "size": "1"}), b"the bytes of one")
        .await;
    page.until_text("/api/v1/artifacts/acme/web/custom.image")
        .await;
    page.until("document.querySelectorAll('tbody[data-live] tr').length === 3")
        .await;

    visit.open("/acme/web").await;
    page.until_text("custom.image").await;
    page.click("a[href='/_mock/pages/files/acme/web/custom.image/1']")
        .await;
    let file = visit.downloads.path().join("web-custom.image-1");
    until("the file is downloaded", async || file.exists()).await;
    assert_eq!(std::fs::read(&file).unwrap(), b"the bytes of one");

    visit.open("/_mock/control/faults").await;
    page.fill("#rule", "version.create:status=503,times=1")
        .await;
    page.click(".card button").await;
    page.until_text("version.create:status=503,times=1").await;
    let body = json!({"artifact_version": {"id": "x"}});
    assert_eq!(visit.fixture.post(FILE, body).await.status, 503);
    visit.open("/_mock/").await;
    page.until_text("version.create:status=503,times=1").await;

    visit
        .push(json!({"os": "linux", "size": "2", "new": "x"}), b"two")
        .await;
    visit.open("/acme/web").await;
    page.click("form[action='/acme/web'] button").await;
    page.until_text("Version 2").await;
    let text = page.text().await;
    assert!(
        text.contains("changed") && text.contains("added") && !text.contains("linux"),
        "{text}"
    );

    visit.open("/_mock/control/data").await;
    page.click("#reset ~ details summary").await;
    page.until("document.querySelector('#reset ~ details').open")
        .await;
    page.click("button[value=reset]").await;
    until("the artifact is gone", async || {
        visit.fixture.get("/api/v1/artifacts/acme/web").await.status == 404
    })
    .await;
}

/// Root comes through a tunnel to a server whose public address has TLS: the cookie is for secure connections alone, and
/// the loopback interface is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secure_cookie_is_kept_for_the_loopback_interface() {
    let public_url = |builder: Builder| builder.public_url("https://atlas.example.com/base");
    let fixture = Fixture::with(public_url).await;
    let visit = Visit::to(fixture).await;
    visit.page.until_text("Sign out atlas").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_somebody_else_gets_nothing_done() {
    let visit = Visit::new().await;
    let (url, page) = (visit.fixture.atlas.url(), &visit.page);
    // The same address with another port: the browser sends the cookie along.
    let attack = format!(
        "<!doctype html><title>attack</title><form action='{url}/_mock/control/data' method=post>\
         <input name=action value=reset><input name=form_token value=''></form>"
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", get(async move || Html(attack)));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    page.open(&other).await;
    let read = |path: &str| {
        format!(
            "fetch('{url}{path}', {{credentials: 'include'}}).then(r => r.text(), e => 'refused')"
        )
    };
    for path in [
        "/_mock/",
        "/acme/web",
        "/_mock/requests",
        "/_mock/control/live",
    ] {
        assert_eq!(page.eval(&read(path)).await, "refused", "{path}");
    }
    let send = format!(
        "fetch('{url}/_mock/control/data', {{method: 'POST', mode: 'no-cors', credentials: 'include', \
         body: new URLSearchParams({{action: 'reset'}})}}).then(r => r.type, e => 'refused')"
    );
    assert_eq!(page.eval(&send).await, "refused");
    page.eval("setTimeout(() => document.forms[0].submit()); true")
        .await;
    page.until_text("The form was not sent by a page of this server")
        .await;
    // The address of the emulator under a name of somebody else.
    let port = url.rsplit(':').next().unwrap();
    for path in ["/_mock/", "/acme/web", "/_mock/health"] {
        page.open(&format!("http://evil.example:{port}{path}"))
            .await;
        page.until_text("not known by the host").await;
    }
    assert_eq!(
        visit.fixture.get("/api/v1/artifacts/acme/web").await.status,
        200
    );
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_look_well_in_light_in_dark_and_on_a_phone() {
    let visit = Visit::new().await;
    let page = &visit.page;
    for size in ["1", "2", "3"] {
        visit
            .push(
                json!({"os": "linux", "arch": "amd64", "size": size}),
                b"bytes",
            )
            .await;
    }
    visit.fixture.push_box().await;
    visit
        .fixture
        .mock(
            Method::POST,
            "/faults",
            Some(json!({"fault": {"rule": "search:status=503,times=1"}})),
        )
        .await;
    assert_eq!(
        visit.fixture.get(&format!("{FILE}/search")).await.status,
        503
    );
    let pages = [
        ("home", "/"),
        ("artifact", "/acme/web"),
        ("version", "/acme/web?type=custom.image&version=3"),
        ("box", "/acme/debian"),
        ("requests", "/_mock/"),
        ("faults", "/_mock/control/faults"),
        ("data", "/_mock/control/data"),
        ("metrics", "/_mock/control/metrics"),
    ];
    let mut backgrounds = Vec::new();
    for (look, size, scheme) in [
        ("", (1000, 640), "light"),
        ("-dark", (1000, 640), "dark"),
        ("-phone", (390, 780), "light"),
    ] {
        page.look(size, scheme).await;
        for (name, path) in pages {
            visit.open(path).await;
            page.until("document.styleSheets.length === 1").await;
            let fits = page
                .eval("document.documentElement.scrollWidth <= innerWidth")
                .await;
            assert_eq!(fits, true, "{name}{look} is wider than its window");
            let picture = page.picture().await;
            assert!(picture.len() < LARGEST, "{name}{look}: {}", picture.len());
            keep(&format!("{name}{look}.png"), &picture);
        }
        backgrounds.push(
            page.eval("getComputedStyle(document.body).backgroundColor")
                .await,
        );
    }
    assert_eq!(backgrounds[0], "rgb(255, 255, 255)");
    assert_ne!(backgrounds[0], backgrounds[1]);
}

/// Keeps a picture in the folder that the variable `MOCK_ATLAS_TEST_PICTURES` names, if it is set: it makes the
/// pictures of the documents.
fn keep(name: &str, picture: &[u8]) {
    if let Some(folder) = std::env::var_os("MOCK_ATLAS_TEST_PICTURES") {
        std::fs::write(Path::new(&folder).join(name), picture).unwrap();
    }
}
