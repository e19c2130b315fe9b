//! The verdicts of a run do not depend on the number of clauses that are checked at a time.

use std::num::NonZeroUsize;

use atlas_contract_tests::{
    report::Status,
    run::{Options, Run, target::Target},
    self_test::proxy::{PassThrough, Request},
    suite::clauses,
};

use crate::support::proxy;

/// Returns the clauses of all searches, in the order of the requests, and the outcomes of the clauses.
async fn judge(jobs: usize) -> (Vec<String>, Vec<(String, Status)>) {
    let proxy = proxy(PassThrough).await;
    let options = Options {
        filters: vec!["search.".to_owned(), "auth.public".to_owned()],
        strict: true,
        jobs: NonZeroUsize::new(jobs).unwrap(),
        ..Options::default()
    };
    let run = Run::start(Target::new(proxy.settings()).unwrap(), options)
        .await
        .unwrap();
    let mut told = Vec::new();
    let reports = run
        .judge_all(|report| told.push((report.id.clone(), report.status)))
        .await;
    let reports: Vec<_> = reports.into_iter().map(|it| (it.id, it.status)).collect();
    assert_eq!(told, reports, "all are told, in the order of the result");
    let prefix = run.prefix().as_str();
    let seen = proxy.seen();
    let searches = seen.iter().filter(|it| it.path().ends_with("/search"));
    let mut came: Vec<_> = searches.map(|it| clause_of(it, prefix)).collect();
    came.dedup();
    (came, reports)
}

fn clause_of(request: &Request, prefix: &str) -> String {
    let (_, name) = request.target.split_once(prefix).unwrap();
    name.split(['/', '.']).next().unwrap().to_owned()
}

#[tokio::test]
async fn the_verdicts_come_in_the_order_of_the_table_however_many_are_judged_at_a_time() {
    let (one_by_one, alone) = judge(1).await;
    let (in_turns, together) = judge(8).await;
    assert_eq!(alone, together);
    let ids: Vec<_> = alone.iter().map(|(id, _)| id.as_str()).collect();
    assert!(ids.into_iter().eq(clauses::all().map(|it| it.id)));
    let mut clauses = one_by_one.clone();
    clauses.sort();
    clauses.dedup();
    assert_eq!(
        clauses.len(),
        one_by_one.len(),
        "one is done before the next"
    );
    assert!(in_turns.len() > one_by_one.len(), "{in_turns:?}");
}
