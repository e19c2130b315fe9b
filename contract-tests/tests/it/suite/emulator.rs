//! Runs all clauses against an emulator started for the test, or against the server that the `ATLAS_CONTRACT_…`
//! variables name.
//!
//! A run against the emulator is strict: no clause may be disabled, and a difference is a failure. The bodies are also
//! passed to `insta`, so that `cargo insta review` can change a snapshot.

use std::{collections::BTreeMap, fs, path::Path};

use atlas_contract_tests::{
    report::{ClauseReport, Status, Summary},
    run::{Options, Run, target::Target},
    suite::{clauses, context::ComparedBody},
};

const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots");

#[tokio::test]
async fn every_clause_holds() {
    let variable = |name: &str| std::env::var(name).ok();
    let target = Target::from_variables(variable)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let own = target.is_emulator();
    let (reports, observed) = judge(target, own).await;
    if own {
        observed.iter().for_each(assert_insta_snapshot);
    }
    let summary = Summary::of(&reports);
    let bad: Vec<_> = reports
        .iter()
        .filter(|it| is_bad(it, own))
        .map(ToString::to_string)
        .collect();
    assert!(bad.is_empty(), "{summary}\n\n{}", bad.join("\n"));
    assert!(summary.ran() > 0, "{summary}");
}

#[tokio::test]
async fn every_snapshot_is_observed_and_every_observation_is_one_text() {
    let (_, observed) = judge(Target::emulator().await.unwrap(), true).await;
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for ComparedBody { name, text } in observed {
        let first = texts.entry(name.to_owned()).or_insert_with(|| text.clone());
        assert_eq!(*first, text, "{name} was seen in two forms");
    }
    let mut files: Vec<_> = fs::read_dir(SNAPSHOTS)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut seen: Vec<_> = texts.keys().map(|name| format!("{name}.snap")).collect();
    files.sort();
    seen.sort();
    assert_eq!(
        files, seen,
        "a snapshot that nothing observes is stale, and one that is missing is not reviewed"
    );
}

#[tokio::test]
async fn each_clause_can_be_asked_alone() {
    let filters = vec![
        "download.latest".to_owned(),
        "search.version-any".to_owned(),
    ];
    let options = Options {
        filters,
        strict: true,
        ..Options::default()
    };
    let run = Run::start(Target::emulator().await.unwrap(), options)
        .await
        .unwrap();
    let reports = run.judge_all(|_| {}).await;
    let ran: Vec<_> = reports
        .iter()
        .filter(|it| it.status != Status::Skip)
        .collect();
    let ids: Vec<_> = ran.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "search.version-any",
            "download.latest",
            "download.latest-with-file"
        ]
    );
    assert!(ran.iter().all(|it| it.status == Status::Pass));
}

pub(super) async fn judge(target: Target, strict: bool) -> (Vec<ClauseReport>, Vec<ComparedBody>) {
    let run = Run::start(
        target,
        Options {
            strict,
            ..Options::default()
        },
    )
    .await
    .unwrap();
    let (mut reports, mut observed) = (Vec::new(), Vec::new());
    for clause in clauses::all() {
        let (report, bodies) = run.judge(clause).await;
        reports.push(report);
        observed.extend(bodies);
    }
    (reports, observed)
}

/// Tells whether a report fails the test. At a foreign server, neither a difference nor a disabled clause does.
fn is_bad(report: &ClauseReport, own: bool) -> bool {
    match report.status {
        Status::Pass => false,
        Status::Difference | Status::Disabled => own,
        Status::Fail | Status::Error | Status::Skip => true,
    }
}

fn assert_insta_snapshot(observed: &ComparedBody) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(SNAPSHOTS));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(observed.name, observed.text));
}
