//! The ledger, the checks, the contract, the recordings, the emulator's source and the published `LEDGER.md` say the
//! same. With `UPDATE_LEDGER=1` the last is written anew.

mod compare;
mod contract;
mod workspace;

use std::{collections::HashSet, fs, path::Path};

use atlas_contract_tests::ledger::{
    Ledger,
    behaviour::{self, Behaviour},
    checks,
    markdown::markdown,
};
use serde_json::Value;

use crate::support::program;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_check_and_every_row_of_the_contract_has_its_entry_and_the_same_marks() {
    let contract = fs::read_to_string(Path::new(CRATE).join("../docs/contract.md")).unwrap();
    let statements = contract::statements(&contract);
    let found = compare::disagreements(&Ledger::own().unwrap(), &checks::all(), &statements);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_recording_is_cited_and_every_item_of_the_emulator_is_there() {
    let found = workspace::disagreements(&Ledger::own().unwrap(), Path::new(CRATE));
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[tokio::test]
async fn the_published_ledger_is_what_the_program_prints() {
    let ledger = Ledger::own().unwrap();
    let current = markdown(&behaviour::all(&ledger, &checks::all()));
    let file = Path::new(CRATE).join("LEDGER.md");
    if std::env::var_os("UPDATE_LEDGER").is_some() {
        fs::write(&file, &current).unwrap();
    }
    let published = fs::read_to_string(file).unwrap();
    let again = "UPDATE_LEDGER=1 cargo test -p atlas-contract-tests --test it ledger::";
    assert!(published == current, "LEDGER.md is not up to date: {again}");
    let output = program::run(&["ledger", "--format", "markdown"]).await;
    assert_eq!((output.code, output.stdout), (0, published));
}

#[tokio::test]
async fn the_program_prints_every_behaviour_as_text_and_as_json() {
    let ledger = Ledger::own().unwrap();
    let behaviours = behaviour::all(&ledger, &checks::all());
    let text = program::run(&["ledger"]).await.stdout;
    let json = program::run(&["ledger", "--format", "json"]).await.stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let entries = json["behaviours"].as_array().unwrap();
    assert_eq!(entries.len(), behaviours.len());
    for (entry, behaviour) in entries.iter().zip(&behaviours) {
        let Behaviour { id, statement, .. } = behaviour;
        assert!(text.contains(&format!("\n{id}\n  {statement}\n")), "{id}");
        assert_eq!(
            (&entry["id"], &entry["statement"]),
            (&(*id).into(), &(*statement).into())
        );
        assert!(entry["evidence"][0]["mark"].is_string(), "{id}");
        assert!(entry["last_seen"].is_null(), "{id}");
    }
    let never = text
        .lines()
        .filter(|line| line.ends_with("last seen   never"));
    assert_eq!(never.count(), behaviours.len());
}

#[test]
fn an_entry_that_a_real_server_confirmed_says_so() {
    let text = compare::made_up(
        "last_seen = { date = \"2030-01-31\", server = \"Atlas 1\", who = \"Ann\", report = \"r.json\" }",
    );
    let ledger = Ledger::parse(&text).unwrap();
    let behaviours = behaviour::all(&ledger, &[]);
    let seen = "2030-01-31, Atlas 1, by Ann: r.json";
    let text = atlas_contract_tests::ledger::text::text(&behaviours);
    assert!(
        text.contains("against a real server: 1.") && text.contains(seen),
        "{text}"
    );
    assert!(markdown(&behaviours).contains(seen));
}

#[test]
fn no_behaviour_is_told_twice() {
    let ledger = Ledger::own().unwrap();
    let behaviours = behaviour::all(&ledger, &checks::all());
    let statements: HashSet<_> = behaviours.iter().map(|it| it.statement).collect();
    assert_eq!(statements.len(), behaviours.len());
}
