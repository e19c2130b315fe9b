//! Every mutant is killed by its clause, and the self-test detects idle clauses and harmless mutants.

use std::fs;

use atlas_contract_tests::{
    self_test::{
        Matrix, SelfTest,
        mutants::{self, Mutant},
        proxy::{PassThrough, Reply, ReplyInterceptor, Request},
    },
    suite::{clause::Clause, clauses},
};
use serde_json::Value;

use crate::support::program;

/// A mutant without a fault.
const HARMLESS: Mutant = Mutant {
    clause: "auth.base-path",
    name: "harmless",
    title: "nothing at all",
    flaky: false,
    interceptor: || Box::new(PassThrough),
};

/// A mutant that is temporarily unavailable, which gives no verdict.
const AWAY: Mutant = Mutant {
    clause: "auth.base-path",
    name: "away",
    title: "there is no server",
    flaky: false,
    interceptor: || {
        Box::new(ReplyInterceptor(|request: &Request, reply: &mut Reply| {
            if request.path().contains("/api/v1/api/v1/") {
                reply.status = 503;
            }
        }))
    },
};

fn clause(id: &str) -> &'static Clause {
    clauses::all().find(|clause| clause.id == id).unwrap()
}

async fn self_test(clauses: &[&str], mutants: Vec<Mutant>) -> Matrix {
    let test = SelfTest {
        clauses: clauses.iter().map(|id| clause(id)).collect(),
        mutants,
        quick: true,
        jobs: 2,
    };
    test.run(|_| {}).await.unwrap()
}

fn ids(mutants: &[&Mutant]) -> Vec<String> {
    mutants.iter().map(|mutant| mutant.id()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutant_is_killed_by_its_clause_and_every_clause_kills_one() {
    let mut test = SelfTest::chosen(&[]).unwrap();
    test.quick = true;
    assert_eq!(test.clauses.len(), clauses::all().count());
    assert_eq!(test.mutants.len(), mutants::all().count());
    let matrix = test.run(|_| {}).await.unwrap();
    let alive: Vec<_> = matrix.rows.iter().filter(|row| !row.killed()).collect();
    let alive: Vec<_> = alive.iter().map(ToString::to_string).collect();
    assert!(matrix.holds(), "{}\n{matrix}", alive.join("\n"));
    assert_eq!(matrix.rows.len(), test.mutants.len());
}

#[tokio::test]
async fn a_mutant_that_does_nothing_wrong_survives_and_its_clause_is_idle() {
    let matrix = self_test(&["auth.base-path"], vec![HARMLESS]).await;
    assert_eq!(ids(&matrix.survivors()), ["auth.base-path/harmless"]);
    assert_eq!(matrix.idle_clauses(), ["auth.base-path"]);
    assert!(matrix.unfit().is_empty());
    assert!(!matrix.holds());
    let line = matrix.rows[0].to_string();
    assert!(
        line.starts_with("survived  auth.base-path/harmless"),
        "{line}"
    );
    assert!(line.contains("nothing at all"), "{line}");
}

#[tokio::test]
async fn a_clause_that_comes_to_no_verdict_kills_nothing() {
    let matrix = self_test(&[], vec![AWAY]).await;
    assert_eq!(ids(&matrix.survivors()), ["auth.base-path/away"]);
    assert_eq!(matrix.rows[0].undecided(), ["auth.base-path"]);
    assert!(!matrix.holds());
}

#[tokio::test]
async fn a_clause_at_which_no_mutant_is_aimed_is_idle_whatever_else_it_notices() {
    let mutant = |it: &&Mutant| it.clause == "search.hidden-artifact";
    let mutant = *mutants::all().find(mutant).unwrap();
    let mut test = SelfTest::chosen(&["auth.hidden-like-missing".to_owned()]).unwrap();
    test.mutants = vec![mutant];
    let matrix = test.run(|_| {}).await.unwrap();
    assert_eq!(matrix.rows[0].others(), ["auth.hidden-like-missing"]);
    assert_eq!(ids(&matrix.survivors()), [""; 0]);
    assert_eq!(matrix.idle_clauses(), ["auth.hidden-like-missing"]);
    assert!(!matrix.holds());
    assert!(
        matrix
            .to_string()
            .starts_with("idle      auth.hidden-like-missing\n")
    );
}

#[tokio::test]
async fn the_program_prints_a_line_for_each_mutant_and_writes_the_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("matrix.json");
    let path = file.to_str().unwrap();
    let args = [
        "self-test",
        "--filter",
        "search.hidden-artifact",
        "--json",
        path,
    ];
    let output = program::run(&args).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let line = format!(
        "killed    {:<44}  also noticed by auth.hidden-like-missing\n",
        "search.hidden-artifact/empty"
    );
    assert!(output.stdout.starts_with(&line), "{}", output.stdout);
    let summary = "\n2 mutants: 2 killed, 0 survived; 1 clauses: 1 kill, 0 idle\n";
    assert!(output.stdout.ends_with(summary), "{}", output.stdout);
    let matrix: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let mutant = &matrix["mutants"][0];
    assert_eq!(mutant["clause"], "search.hidden-artifact");
    assert_eq!(mutant["killed"], true);
    assert_eq!(mutant["statuses"]["search.hidden-artifact"], "fail");
    assert_eq!(mutant["statuses"]["auth.base-path"], "pass");
    assert_eq!(matrix["baseline"]["search.hidden-artifact"], "pass");
    assert_eq!(matrix["survivors"], serde_json::json!([]));
}

#[tokio::test]
async fn a_filter_that_matches_nothing_is_an_error() {
    let filters = ["--filter", "auth.base-path", "--filter", "newest-frist"];
    let output = program::run(&[&["self-test"][..], &filters].concat()).await;
    assert_eq!(output.code, 3);
    assert!(
        output.stderr.starts_with(
            "error: --filter newest-frist: no clause or mutant has this in its id; near it are search.newest-first"
        ),
        "{}",
        output.stderr
    );
    assert_eq!(output.stdout, "");
}
