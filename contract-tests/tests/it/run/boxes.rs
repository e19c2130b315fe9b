//! A server is judged by the clauses about boxes only if it has boxes, and a cleanup removes those that a run has made.

use std::collections::BTreeSet;

use atlas_contract_tests::{
    report::Status,
    safety::journal::{CreatedObject, Record},
    self_test::proxy::{PassThrough, Proxy, Request, RequestInterceptor},
    suite::{box_api::Boxes, clauses},
};
use axum::http::Method;

use crate::support::{
    program::{aimed_at, run, told_by_operator},
    proxy, reports,
};

/// The clauses that need neither an API for boxes nor anything that only HCP's API has.
const HCP: &str = "boxes-hcp.";

/// Leads the calls for boxes of these APIs, and the files of boxes, nowhere.
fn lacking(apis: &'static [&'static str]) -> RequestInterceptor<impl Fn(&mut Request)> {
    RequestInterceptor(move |request: &mut Request| {
        let calls = ["box/", "boxes", "search", "user/", "vagrant/"];
        let mut paths = apis
            .iter()
            .flat_map(|api| calls.map(|call| format!("/api/{api}/{call}")));
        if paths.any(|path| request.path().starts_with(&path)) {
            request.target = "/no-such-path".to_owned();
        }
    })
}

fn ids(chosen: impl Fn(Boxes) -> bool) -> BTreeSet<&'static str> {
    let about = clauses::all().filter_map(|it| Some((it.id, it.boxes?)));
    let chosen = about.filter(|(id, boxes)| !id.starts_with(HCP) && chosen(*boxes));
    chosen.map(|(id, _)| id).collect()
}

#[tokio::test]
async fn a_server_without_boxes_is_not_judged_by_their_clauses_and_never_passes_them() {
    let proxy = proxy(lacking(&["v1", "v2"])).await;
    let settings = proxy.settings();
    let told = told_by_operator(&settings);
    let filters = ["--filter", "boxes.", "--filter", "boxes-add"];
    let output = run(&aimed_at(&settings, &[&told[..], &filters].concat())).await;
    assert_eq!(output.code, 3, "{}{}", output.stdout, output.stderr);
    let reason = "not applicable: the server has no boxes under /api/v1 and /api/v2";
    assert!(output.stdout.contains(reason), "{}", output.stdout);
    assert!(
        output.stdout.contains("\n0 ran: 0 pass"),
        "{}",
        output.stdout
    );
    assert!(proxy.seen().iter().all(|it| it.method == Method::GET));
}

#[tokio::test]
async fn a_server_of_version_1_is_judged_by_what_version_1_has() {
    let proxy = proxy(lacking(&["v2"])).await;
    let reports = reports(&proxy, &["boxes.", "boxes-add"], true).await;
    let with = |status| {
        let reports = reports.iter().filter(|it| it.status == status);
        reports.map(|it| it.id.as_str()).collect::<BTreeSet<_>>()
    };
    let bad: Vec<_> = reports
        .iter()
        .filter(|it| it.status == Status::Fail)
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(
        with(Status::Pass),
        ids(|it| matches!(it, Boxes::Any | Boxes::V1))
    );
    assert_eq!(
        with(Status::Disabled),
        ids(|it| matches!(it, Boxes::V2 | Boxes::Both))
    );
}

/// Returns the tags of the boxes that the server shows to the main token.
async fn boxes(proxy: &Proxy) -> usize {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let user = client.get(format!("{}/api/v2/user/acme", proxy.url));
    let reply = user
        .bearer_auth(proxy.settings().token)
        .send()
        .await
        .unwrap();
    let body: serde_json::Value = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap();
    body["boxes"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn the_boxes_of_a_run_are_removed_by_the_call_of_the_api() {
    // A real server has boxes, but not the emulator's own API.
    let proxy = proxy(RequestInterceptor(|request: &mut Request| {
        if request.path().starts_with("/_mock") {
            request.target = "/no-such-path".to_owned();
        }
    }))
    .await;
    let (folder, settings) = (tempfile::tempdir().unwrap(), proxy.settings());
    let journal = folder.path().join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let told = told_by_operator(&settings);
    let args = ["--filter", "boxes.version", "--journal", journal];
    let output = run(&aimed_at(&settings, &[&told[..], &args].concat())).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let made = boxes(&proxy).await;
    assert!(made >= 7, "{made}");
    let record = Record::read(std::path::Path::new(journal)).unwrap();
    let announced = record.writes.iter().filter_map(|(object, _)| match object {
        CreatedObject::Box(tag) => Some(tag),
        _ => None,
    });
    assert!(announced.collect::<BTreeSet<_>>().len() >= made);
    let cleanup = ["cleanup", "--journal", journal, "--token", &settings.token];
    let output = run(&cleanup).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let removed = output.stdout.matches("removed  box acme/contract-").count();
    assert_eq!(
        (removed, boxes(&proxy).await),
        (made, 0),
        "{}",
        output.stdout
    );
    let again = run(&cleanup).await;
    assert!(
        again.stdout.contains(": 0 removed, 0 left, "),
        "{}",
        again.stdout
    );
}

#[tokio::test]
async fn the_probe_for_boxes_is_sent_only_for_clauses_about_them() {
    let proxy = proxy(PassThrough).await;
    for (filter, probes) in [("auth.base-path", 0), ("boxes.errors", 2)] {
        let before = proxy.seen().len();
        reports(&proxy, &[filter], true).await;
        let seen = proxy.seen().split_off(before);
        let searches = seen.iter().filter(|it| it.path().ends_with("/search"));
        assert_eq!(searches.count(), probes, "{filter}");
    }
}
