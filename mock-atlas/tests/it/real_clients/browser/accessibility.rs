//! Checks each kind of page with axe, in light, and in dark on a phone: whoever cannot see it well, or uses no mouse, can use it.

use serde_json::Value;

use super::*;

/// Runs axe on a page, and returns the violations that keep people from using it. Of what can be opened, at most twenty
/// are open, spread over the page: the description of the API has hundreds, on which axe would work for a minute.
const RUN: &str = "(async () => {
    const closed = [...document.querySelectorAll('details')];
    const step = Math.ceil(closed.length / 20);
    closed.filter((one, at) => at % step === 0).forEach(one => one.open = true);
    const found = await axe.run(document, {resultTypes: ['violations']});
    return found.violations.filter(one => ['serious', 'critical'].includes(one.impact))
        .map(one => one.id + ': ' + one.nodes.map(node => node.target.join(' ')).join(', '));
})()";

/// The pages that there are without an artifact.
const ALWAYS: [&str; 12] = [
    "/",
    "/acme/none",
    "/acme/public",
    "/_mock/",
    "/_mock/control/faults",
    "/_mock/control/data",
    "/_mock/control/access",
    "/_mock/control/webhooks",
    "/_mock/control/audit",
    "/_mock/control/metrics",
    "/_mock/pages/sign-in",
    "/_mock/pages/api",
];

const OF_ARTIFACTS: [&str; 7] = [
    "/?q=nothing",
    "/acme",
    "/acme/web",
    "/acme/web?type=custom.image&version=1",
    "/acme/web?type=custom.image&from=1&to=2",
    "/acme/debian",
    "/_mock/control/requests/1",
];

/// Returns the text of axe.
fn axe() -> String {
    let file = std::env::var("AXE").expect("AXE must name the file axe.min.js");
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("AXE={file}: {error}"))
}

/// Adds to `found` what axe finds on these pages.
async fn check(visit: &Visit, paths: &[&str], found: &mut Vec<String>) {
    let (page, axe) = (&visit.page, axe());
    for (size, scheme) in [((1000, 640), "light"), ((390, 780), "dark")] {
        page.look(size, scheme).await;
        for path in paths {
            visit.open(path).await;
            page.until("document.styleSheets.length === 1").await;
            page.eval(&axe).await;
            match page.eval(RUN).await {
                Value::Array(violations) => {
                    found.extend(violations.iter().map(|of| format!("{path} {scheme}: {of}")));
                }
                failed => panic!("{path}: axe failed: {failed}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_serious_on_empty_pages() {
    let visit = Visit::to(Fixture::new().await).await;
    let mut found = Vec::new();
    check(&visit, &ALWAYS, &mut found).await;
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_serious_on_full_pages() {
    let visit = Visit::new().await;
    let fixture = &visit.fixture;
    for size in ["1", "2"] {
        visit
            .push(
                json!({"os": "linux", "size": size, size: "a line\n".repeat(100)}),
                b"bytes",
            )
            .await;
    }
    fixture.push_box().await;
    fixture.make_version(json!({"id": "y", "file": true})).await;
    for (method, path, body) in [
        (
            Method::PUT,
            "/channels/acme/web/custom.image/production",
            json!({"channel": {"version": 1}}),
        ),
        (
            Method::POST,
            "/faults",
            json!({"fault": {"rule": "search:status=503,times=1"}}),
        ),
        (
            Method::PUT,
            "/quotas/rival",
            json!({"quota": {"bytes": 1_000_000}}),
        ),
        (
            Method::POST,
            "/webhooks",
            json!({"webhook": {"url": "http://127.0.0.1:9/hook"}}),
        ),
    ] {
        let reply = fixture.mock(method, path, Some(body)).await;
        assert!(reply.status.is_success(), "{path}: {}", reply.body);
    }
    visit.push(json!({}), b"bytes").await;
    fixture.get(&format!("{FILE}/search")).await;
    let mut found = Vec::new();
    check(&visit, &OF_ARTIFACTS, &mut found).await;
    check(&visit, &ALWAYS, &mut found).await;
    assert!(found.is_empty(), "{found:#?}");
}
