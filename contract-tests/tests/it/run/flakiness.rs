//! A clause fails if every repeated check fails, or if the server once gives an answer that it must never give. If only
//! some checks fail, the clause has no verdict.

use std::sync::atomic::{AtomicUsize, Ordering};

use atlas_contract_tests::{
    exit_code::ExitCode,
    report::{ClauseReport, Report, Status},
    run::{Options, Run, RunError, settings::Settings, target::Target},
    self_test::{
        mutants,
        proxy::{Reply, ReplyInterceptor, Request},
    },
};
use axum::http::Method;
use futures_util::future::join_all;
use mock_atlas::MockAtlas;

use crate::support::{
    program::{aimed_at, run, told_by_operator},
    proxy, reports,
};

/// Returns the report on a correct emulator with chaos, or `None` when the first request already failed.
async fn judge(chaos: f64, seed: u64) -> Option<Report> {
    let emulator = MockAtlas::builder()
        .chaos(chaos)
        .chaos_seed(seed)
        .public_artifact("acme/public")
        .start()
        .await
        .unwrap();
    let target = Target::new(Settings {
        url: emulator.url().to_owned(),
        token: emulator.token().to_owned(),
        namespace: "acme".to_owned(),
        public_artifact: Some("acme/public".to_owned()),
        ..Settings::default()
    });
    let options = Options {
        strict: true,
        ..Options::default()
    };
    match Run::start(target.unwrap(), options).await {
        Ok(run) => Some(run.report(|_| {}).await),
        Err(error) => {
            assert!(matches!(error, RunError::Unreachable(_)), "{error}");
            None
        }
    }
}

fn with(report: &Report, status: Status) -> Vec<&ClauseReport> {
    let clauses = report.clauses.iter();
    clauses.filter(|it| it.status == status).collect()
}

#[tokio::test]
async fn no_clause_fails_at_a_correct_server_by_chance() {
    let runs = [0.05, 0.3]
        .into_iter()
        .flat_map(|chaos| (1..=3).map(move |seed| judge(chaos, seed)));
    let reports: Vec<_> = join_all(runs).await.into_iter().flatten().collect();
    assert!(reports.len() >= 3, "{}", reports.len());
    for report in reports {
        let failed = with(&report, Status::Fail);
        assert!(failed.is_empty(), "{}", failed[0]);
        assert_eq!(report.summary.exit_code(), ExitCode::SuiteBroke);
        let errors = with(&report, Status::Error);
        let unstable = |it: &&ClauseReport| it.detail.to_string().starts_with("server unstable: ");
        assert!(errors.iter().any(unstable), "{errors:#?}");
    }
}

#[tokio::test]
async fn a_run_begins_even_if_its_first_request_fails() {
    let requests = AtomicUsize::new(0);
    let proxy = proxy(ReplyInterceptor(move |_: &Request, reply: &mut Reply| {
        if requests.fetch_add(1, Ordering::Relaxed) == 0 {
            reply.status = 503;
        }
    }))
    .await;
    let reports = reports(&proxy, &["auth.base-path"], false).await;
    assert_eq!(reports[0].status, Status::Pass, "{}", reports[0]);
}

#[tokio::test]
async fn a_clause_that_is_violated_each_time_fails_even_with_status_500() {
    let proxy = proxy(ReplyInterceptor(|request: &Request, reply: &mut Reply| {
        if request.is(Method::GET, "/search") {
            reply.status = 500;
            reply.body = br#"{"errors":["oops"],"success":false}"#.to_vec();
        }
    }))
    .await;
    let reports = reports(&proxy, &["search.newest-first"], false).await;
    assert_eq!(reports[0].status, Status::Fail, "{}", reports[0]);
}

#[tokio::test]
async fn an_unstable_server_is_reported_with_both_answers() {
    let searches = AtomicUsize::new(0);
    let proxy = proxy(ReplyInterceptor(
        move |request: &Request, reply: &mut Reply| {
            // Only the first search is wrong.
            if request.is(Method::GET, "/search") && searches.fetch_add(1, Ordering::Relaxed) == 0 {
                reply.body.truncate(9);
            }
        },
    ))
    .await;
    let reports = reports(&proxy, &["search.newest-first"], false).await;
    assert_eq!(reports[0].status, Status::Error, "{}", reports[0]);
    let detail = reports[0].detail.to_string();
    let lines: Vec<_> = detail.lines().collect();
    assert_eq!(
        lines[0],
        "server unstable: a repeated check had another result"
    );
    assert!(
        lines[1].starts_with("first     expected a JSON body, came 200 {\"version for GET http"),
        "{detail}"
    );
    assert_eq!(lines[2], "then      the clause holds");
}

#[tokio::test]
async fn a_clause_that_is_violated_in_another_way_each_time_fails() {
    let searches = AtomicUsize::new(0);
    let proxy = proxy(ReplyInterceptor(
        move |request: &Request, reply: &mut Reply| {
            if request.is(Method::GET, "/search") {
                match searches.fetch_add(1, Ordering::Relaxed) % 3 {
                    0 => reply.status = 404,
                    1 => reply.body = b"{\"versions\":[]}".to_vec(),
                    _ => {}
                }
            }
        },
    ))
    .await;
    let reports = reports(&proxy, &["search.newest-first"], false).await;
    assert_eq!(reports[0].status, Status::Fail, "{}", reports[0]);
}

#[tokio::test]
async fn one_violation_of_a_clause_that_says_never_is_enough_and_is_reported_with_its_request() {
    let mutant = mutants::all().find(|it| it.id() == "auth.no-token-reads/open-now-and-then");
    let proxy = proxy((mutant.unwrap().interceptor)()).await;
    let reports = reports(&proxy, &["auth.no-token-reads"], true).await;
    assert_eq!(reports[0].status, Status::Fail, "{}", reports[0]);
    let detail = reports[0].detail.to_string();
    let [expected, came] = ["expected  status 404\n", "\ncame      200 "];
    assert!(detail.starts_with(expected), "{detail}");
    assert!(detail.contains(came), "{detail}");
}

#[tokio::test]
async fn a_server_with_one_number_sequence_for_all_versions_fails_and_the_exit_code_is_one() {
    let mutant = mutants::all().find(|it| it.id() == "versions.counts-per-type/per-server");
    let proxy = proxy((mutant.unwrap().interceptor)()).await;
    let settings = proxy.settings();
    let output = run(&aimed_at(&settings, &told_by_operator(&settings))).await;
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    let fails = output.stdout.lines().filter(|it| it.starts_with("fail  "));
    assert!(fails.count() > 1, "{}", output.stdout);
    assert!(output.stdout.contains(" 0 error;"), "{}", output.stdout);
}
