//! `atlas-contract diff` compares two reports.

use std::{fs, path::Path};

use atlas_contract_tests::{
    report::{Form, Status, diff::changes},
    self_test::proxy::{Interceptor, PassThrough, ReplyInterceptor},
};
use serde_json::Value;

use crate::support::{
    program::{Output, aimed_at, run, spoils_newest_first},
    proxy, sample_report,
};

/// Runs a few clauses against a new server, and writes the report to a file.
async fn judge(wrong: impl Interceptor, file: &Path) {
    let proxy = proxy(wrong).await;
    let filters = ["--filter", "newest-first", "--filter", "search.version"];
    let args = [&filters[..], &["--json", file.to_str().unwrap()]].concat();
    run(&aimed_at(&proxy.settings(), &args)).await;
}

async fn diff(first: &Path, second: &Path, more: &[&str]) -> Output {
    let files = [first.to_str().unwrap(), second.to_str().unwrap()];
    run(&[&["diff"], &files[..], more].concat()).await
}

#[tokio::test]
async fn two_servers_that_answer_alike_do_not_differ_though_every_name_does() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    judge(ReplyInterceptor(spoils_newest_first), &first).await;
    judge(ReplyInterceptor(spoils_newest_first), &second).await;
    let output = diff(&first, &second, &[]).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(
        output.stdout.ends_with("no clause differs\n"),
        "{}",
        output.stdout
    );
}

#[tokio::test]
async fn a_server_that_answers_otherwise_differs_in_either_direction() {
    let folder = tempfile::tempdir().unwrap();
    let [right, wrong] = ["right", "wrong"].map(|name| folder.path().join(name));
    judge(PassThrough, &right).await;
    judge(ReplyInterceptor(spoils_newest_first), &wrong).await;
    let worse = diff(&right, &wrong, &[]).await;
    assert_eq!(worse.code, 1, "{}", worse.stderr);
    assert!(
        worse.stdout.contains(
            "\n\nsearch.newest-first\n  - pass\n  + fail\n    expected  versions [4, 3, 2, 1]\n"
        ),
        "{}",
        worse.stdout
    );
    assert!(
        worse.stdout.ends_with("\n\n1 clause differs\n"),
        "{}",
        worse.stdout
    );
    let better = diff(&wrong, &right, &["--format", "json"]).await;
    assert_eq!(better.code, 1);
    let told: Value = serde_json::from_str(&better.stdout).unwrap();
    let changes = told["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0]["id"], "search.newest-first");
    assert_eq!(changes[0]["first"]["status"], "fail");
    assert_eq!(
        changes[0]["first"]["detail"]["expected"],
        "versions [4, 3, 2, 1]"
    );
    assert_eq!(changes[0]["second"]["status"], "pass");
}

#[tokio::test]
async fn a_file_that_is_no_report_ends_in_two_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let [good, bad, missing] = ["good", "bad", "missing"].map(|name| folder.path().join(name));
    fs::write(&good, Form::Json.write(&sample_report::report()).unwrap()).unwrap();
    fs::write(&bad, "{}").unwrap();
    for wrong in [&bad, &missing] {
        for (first, second) in [(&good, wrong), (wrong, &good)] {
            let output = diff(first, second, &[]).await;
            assert_eq!(output.code, 2);
            assert!(
                output.stderr.contains(wrong.to_str().unwrap()),
                "{}",
                output.stderr
            );
            assert_eq!(output.stdout, "");
        }
    }
}

#[test]
fn a_clause_that_is_in_one_report_alone_differs() {
    let first = sample_report::report();
    let mut second = sample_report::report();
    second.clauses.remove(0);
    second.clauses[1].id = "new.clause".to_owned();
    let changes = changes(&first, &second);
    let sides: Vec<_> = changes
        .iter()
        .map(|it| (&*it.id, it.first.is_some(), it.second.is_some()))
        .collect();
    assert_eq!(
        sides,
        [
            ("auth.base-path", true, false),
            ("artifacts.taken", true, false),
            ("new.clause", false, true)
        ]
    );
    assert!(changes[0].to_string().contains("+ not in the report"));
}

#[test]
fn another_detail_differs_and_another_address_namespace_prefix_or_time_does_not() {
    let first = sample_report::report();
    let text = Form::Json.write(&first).unwrap();
    let elsewhere = text
        .replace("https://atlas.test/<atlas>", "http://b.test")
        .replace("contract-0a1b2c3d-", "contract-ffffffff-")
        .replace("acme", "umbrella")
        .replace("1204", "1")
        .replace("https://atlas.test", "http://b.test");
    let mut server = first.clone();
    server.server = "https://atlas.test".to_owned();
    let mut second = serde_json::from_str(&elsewhere).unwrap();
    assert_eq!(changes(&server, &second), []);
    second.clauses[2].detail = Default::default();
    let changes = changes(&server, &second);
    assert_eq!(changes.len(), 1);
    assert_eq!(
        changes[0].first.as_ref().unwrap().status,
        Status::Difference
    );
    assert!(changes[0].second.as_ref().unwrap().detail.is_empty());
}
