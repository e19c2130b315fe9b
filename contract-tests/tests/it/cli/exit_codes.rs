//! The exit code of a run shows its outcome, and standard error names the reason.

use std::{fs, process::Stdio};

use atlas_contract_tests::{
    run::settings::Settings,
    self_test::proxy::{PassThrough, Proxy, Reply, ReplyInterceptor, Request},
    suite::clauses,
};
use axum::http::Method;
use tokio::net::TcpListener;

use crate::support::{
    program::{aimed_at, program, run, spoils_newest_first, told_by_operator},
    proxy,
};

#[tokio::test]
async fn a_good_server_gets_a_line_a_clause_a_summary_and_zero() {
    let proxy = proxy(PassThrough).await;
    let settings = proxy.settings();
    let told = told_by_operator(&settings);
    let output = run(&aimed_at(&settings, &told)).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let total = clauses::all().count();
    let passed = output
        .stdout
        .lines()
        .filter(|line| line.starts_with("pass  "))
        .count();
    assert_eq!(passed, total);
    let summary = format!(
        "{total} ran: {total} pass, 0 fail, 0 difference, 0 error; not run: 0 disabled, 0 skip"
    );
    assert!(output.stdout.contains(&summary), "{}", output.stdout);
    assert!(
        output
            .stdout
            .contains("left on the server, since no call deletes them: artifacts acme/contract-")
    );
    assert!(output.stdout.contains("in acme/public\n"));
    assert_eq!(output.stderr, "");
}

#[tokio::test]
async fn what_only_an_operator_knows_is_disabled_counted_and_not_passed() {
    let proxy = proxy(PassThrough).await;
    let output = run(&aimed_at(&proxy.settings(), &[])).await;
    assert_eq!(output.code, 0, "{}", output.stdout);
    let needy = clauses::all()
        .filter(|clause| !clause.required_settings.is_empty())
        .count();
    let ran = clauses::all().count() - needy;
    assert!(needy > 0);
    let summary = format!(
        "{ran} ran: {ran} pass, 0 fail, 0 difference, 0 error; not run: {needy} disabled, 0 skip"
    );
    assert!(output.stdout.contains(&summary), "{}", output.stdout);
    assert!(output.stdout.contains("needs --login and --password"));
}

#[tokio::test]
async fn a_failed_clause_is_explained_beneath_its_line_and_ends_in_one() {
    let proxy = proxy(ReplyInterceptor(spoils_newest_first)).await;
    let output = run(&aimed_at(
        &proxy.settings(),
        &["--filter", "search.newest-first"],
    ))
    .await;
    assert_eq!(output.code, 1);
    let lines: Vec<_> = output.stdout.lines().collect();
    assert!(
        lines[0].starts_with("fail        search.newest-first "),
        "{}",
        lines[0]
    );
    assert_eq!(lines[1].trim_start(), "expected  versions [4, 3, 2, 1]");
    assert!(
        lines[2]
            .trim_start()
            .starts_with("came      200 {\"versions\":["),
        "{}",
        lines[2]
    );
    assert!(
        lines[3]
            .trim_start()
            .starts_with("request   GET http://127.0.0.1:"),
        "{}",
        lines[3]
    );
    assert!(
        lines[4]
            .trim_start()
            .starts_with("again     curl -i --globoff -H \"X-Atlas-Token: $ATLAS_TOKEN\" 'http://"),
        "{}",
        lines[4]
    );
    let summary: Vec<_> = lines.iter().skip_while(|line| !line.is_empty()).collect();
    assert!(
        summary[2].contains(" s in all; slowest: search.newest-first "),
        "{}",
        summary[2]
    );
}

#[tokio::test]
async fn a_difference_is_reported_and_forgiven_unless_the_run_is_strict() {
    let conflict = |_: &Request, reply: &mut Reply| {
        if reply.status == 422 {
            reply.status = 409;
        }
    };
    let proxy = proxy(ReplyInterceptor(conflict)).await;
    let settings = proxy.settings();
    let lenient = run(&aimed_at(&settings, &["--filter", "artifacts.taken"])).await;
    assert_eq!(lenient.code, 0);
    assert!(
        lenient.stdout.starts_with("difference  artifacts.taken "),
        "{}",
        lenient.stdout
    );
    assert!(lenient.stdout.contains("1 difference"));
    let strict = run(&aimed_at(
        &settings,
        &["--filter", "artifacts.taken", "--strict"],
    ))
    .await;
    assert_eq!(strict.code, 1);
    assert!(
        strict.stdout.starts_with("fail        artifacts.taken "),
        "{}",
        strict.stdout
    );
}

/// Asserts that a run with these arguments ends with exit code 2, names `named`, and sends nothing.
async fn is_refused(proxy: &Proxy, args: &[&str], named: &str) {
    let output = run(args).await;
    assert_eq!(
        output.code, 2,
        "{args:?}: {}{}",
        output.stdout, output.stderr
    );
    assert!(output.stderr.contains(named), "{args:?}: {}", output.stderr);
    assert_eq!(output.stdout, "");
    assert!(proxy.seen().is_empty(), "{args:?}");
}

#[tokio::test]
async fn arguments_that_are_missing_or_malformed_end_in_two_and_are_named() {
    let proxy = proxy(PassThrough).await;
    let (url, token, namespace) = (
        ["--atlas-url", proxy.url.as_str()],
        ["--token", "T"],
        ["--namespace", "acme"],
    );
    let bad_url = ["--atlas-url", "ftp://a.test"];
    for (given, named) in [
        (vec![token, namespace], "--atlas-url"),
        (vec![bad_url, token, namespace], "--atlas-url"),
        (vec![url, namespace], "--token"),
        (vec![url, ["--token", ""], namespace], "--token"),
        (vec![url, token], "--namespace"),
        (vec![url, token, ["--namespace", "a/b"]], "--namespace"),
    ] {
        let args = [&["run"][..], &given.concat()].concat();
        is_refused(&proxy, &args, named).await;
    }
}

#[tokio::test]
async fn facts_that_cannot_be_used_end_in_two_and_are_named() {
    let proxy = proxy(PassThrough).await;
    let settings = proxy.settings();
    for (more, named) in [
        (["--login", "rival"], "--password"),
        (["--password", "canary"], "--login"),
        (["--other-token", "two words"], "--other-token"),
        (["--public-artifact", "somebody/else"], "--public-artifact"),
        (["--max-id-length", "many"], "--max-id-length"),
        (["--no-such-flag", "x"], "--no-such-flag"),
    ] {
        is_refused(&proxy, &aimed_at(&settings, &more), named).await;
    }
}

#[tokio::test]
async fn a_token_the_server_refuses_ends_in_two_before_anything_is_written() {
    let proxy = proxy(PassThrough).await;
    let settings = Settings {
        token: "canary-token-nobody-knows".to_owned(),
        ..proxy.settings()
    };
    let output = run(&aimed_at(&settings, &[])).await;
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("--token"), "{}", output.stderr);
    assert!(!output.stderr.contains("canary"), "{}", output.stderr);
    assert_eq!(proxy.seen().len(), 1);
}

#[tokio::test]
async fn a_run_in_which_nothing_ran_ends_in_three() {
    let proxy = proxy(PassThrough).await;
    let settings = proxy.settings();
    let no_match = run(&aimed_at(&settings, &["--filter", "no-such-clause"])).await;
    assert_eq!(no_match.code, 3, "{}", no_match.stdout);
    assert!(!no_match.stdout.contains("left on the server"));
    let disabled = run(&aimed_at(&settings, &["--filter", "auth.login"])).await;
    assert_eq!(disabled.code, 3, "{}", disabled.stdout);
    assert!(
        disabled.stdout.contains("2 disabled"),
        "{}",
        disabled.stdout
    );
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_ends_in_four() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let output = run(&[
        "run",
        "--atlas-url",
        &url,
        "--token",
        "canary-token",
        "--namespace",
        "acme",
    ])
    .await;
    assert_eq!(output.code, 4);
    assert!(
        output.stderr.contains("cannot be reached"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("canary"), "{}", output.stderr);
}

#[tokio::test]
async fn a_failure_ends_in_one_though_other_clauses_ended_without_a_verdict() {
    let away = |request: &Request, reply: &mut Reply| {
        spoils_newest_first(request, reply);
        if request.is(Method::GET, "/file") {
            reply.status = 502;
        }
    };
    let proxy = proxy(ReplyInterceptor(away)).await;
    let filters = ["--filter", "newest-first", "--filter", "download.numbered"];
    let output = run(&aimed_at(&proxy.settings(), &filters)).await;
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(
        output.stdout.contains("1 fail, 0 difference, 1 error"),
        "{}",
        output.stdout
    );
}

#[tokio::test]
async fn a_report_that_has_no_place_ends_in_five_before_anything_is_sent() {
    let proxy = proxy(PassThrough).await;
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no/such/folder/report");
    let settings = proxy.settings();
    for form in ["--json", "--junit", "--html"] {
        for file in [&missing, folder.path()] {
            let file = file.to_str().unwrap();
            let output = run(&aimed_at(&settings, &[form, file])).await;
            assert_eq!(output.code, 5, "{}", output.stderr);
            assert!(output.stderr.contains(file), "{}", output.stderr);
        }
    }
    assert!(proxy.seen().is_empty());
}

#[tokio::test]
async fn a_report_that_loses_its_place_ends_in_five_even_if_a_clause_failed() {
    let folder = tempfile::tempdir().unwrap();
    let (lost, kept) = (folder.path().join("lost"), folder.path().join("kept"));
    for place in [&lost, &kept] {
        fs::create_dir(place).unwrap();
    }
    let gone = lost.clone();
    let removes_the_folder = move |request: &Request, reply: &mut Reply| {
        spoils_newest_first(request, reply);
        if request.is(Method::GET, "/search") && gone.exists() {
            fs::remove_dir_all(&gone).unwrap();
        }
    };
    let proxy = proxy(ReplyInterceptor(removes_the_folder)).await;
    let (lost, kept) = (lost.join("report.json"), kept.join("report.html"));
    let settings = proxy.settings();
    let args = [
        "--filter",
        "newest-first",
        "--json",
        lost.to_str().unwrap(),
        "--html",
        kept.to_str().unwrap(),
    ];
    let output = run(&aimed_at(&settings, &args)).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(output.stdout.contains("1 fail"), "{}", output.stdout);
    assert!(
        output.stderr.contains(lost.to_str().unwrap()),
        "{}",
        output.stderr
    );
    assert!(kept.exists(), "one report does not keep back another");
}

#[tokio::test]
async fn a_journal_that_cannot_be_ended_keeps_back_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, report) = (folder.path().join("journal"), folder.path().join("report"));
    let gone = journal.clone();
    let proxy = proxy(ReplyInterceptor(move |request: &Request, _: &mut Reply| {
        if request.path().contains("/api/v1/api/v1/") && gone.exists() {
            fs::remove_file(&gone).unwrap();
        }
    }))
    .await;
    let settings = proxy.settings();
    let args = [
        "--filter",
        "auth.base-path",
        "--journal",
        journal.to_str().unwrap(),
        "--json",
        report.to_str().unwrap(),
    ];
    let output = run(&aimed_at(&settings, &args)).await;
    assert_eq!(output.code, 4, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("journal"), "{}", output.stderr);
    assert!(report.exists(), "{}", output.stderr);
}

#[tokio::test]
async fn each_filter_must_match_and_one_that_does_not_is_named_before_anything_is_sent() {
    let proxy = proxy(PassThrough).await;
    let filters = ["--filter", "auth.base-path", "--filter", "newest-frist"];
    let output = run(&aimed_at(&proxy.settings(), &filters)).await;
    assert_eq!(output.code, 3);
    assert!(
        output.stderr.starts_with(
            "error: --filter newest-frist: no clause has this in its id; near it are search.newest-first"
        ),
        "{}",
        output.stderr
    );
    assert!(proxy.seen().is_empty());
}

#[tokio::test]
async fn a_reader_that_closes_the_pipe_changes_no_verdict() {
    let proxy = proxy(PassThrough).await;
    let settings = proxy.settings();
    let mut child = program(&aimed_at(&settings, &["--filter", "auth.a"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}
