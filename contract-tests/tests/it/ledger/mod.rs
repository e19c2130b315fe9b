//! The tests compare the ledger with the checks, the contract, the recordings and the emulator's source.
//!
//! With `UPDATE_LEDGER=1` they also write the generated files, `LEDGER.md` and `src/ledger/places.toml`.

mod code;
mod compare;
mod contract;
mod recordings;

use std::{collections::HashSet, fs, path::Path};

use atlas_contract_tests::ledger::{
    Ledger,
    behaviour::{self, Behaviour},
    checks,
    markdown::markdown,
    places::Places,
};
use serde_json::Value;

use crate::support::program;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// The command that generates `LEDGER.md` and `src/ledger/places.toml`.
const UPDATE: &str = "UPDATE_LEDGER=1 cargo test -p atlas-contract-tests --test it ledger::";

#[test]
fn every_check_and_every_row_of_the_contract_has_its_entry_and_the_same_marks() {
    let contract = fs::read_to_string(Path::new(CRATE).join("../docs/contract.md")).unwrap();
    let statements = contract::statements(&contract);
    let found = compare::disagreements(&Ledger::own().unwrap(), &checks::all(), &statements);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_recording_is_cited_and_is_there() {
    let found = recordings::disagreements(&Ledger::own().unwrap(), Path::new(CRATE));
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Returns the places that the emulator's source names now.
fn places_of_the_source() -> (Places, Vec<String>) {
    let root = Path::new(CRATE).parent().unwrap();
    code::places(root, &root.join("mock-atlas/src"))
}

#[test]
fn every_behaviour_of_the_emulator_is_named_beside_its_code_and_no_other_is() {
    let (places, mut found) = places_of_the_source();
    found.extend(code::disagreements(&Ledger::own().unwrap(), &places));
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Compares a generated file with its current content, or writes it.
fn check_generated(file: &Path, current: &str, update: bool) -> Result<(), String> {
    if update {
        fs::write(file, current).unwrap();
    }
    if fs::read_to_string(file).unwrap() == current {
        return Ok(());
    }
    Err(format!("{} is not up to date: {UPDATE}", file.display()))
}

/// Returns the content of `places.toml`.
fn generated(places: &Places) -> String {
    let source = "the comments `// Contract: ID, …` in mock-atlas/src";
    format!(
        "# Generated from {source}. Do not edit; run:\n# {UPDATE}\n{}",
        places.to_toml()
    )
}

#[tokio::test]
async fn the_published_ledger_is_what_the_program_prints() {
    let (ledger, (places, _)) = (Ledger::own().unwrap(), places_of_the_source());
    let current = markdown(&behaviour::all(&ledger, &places, &checks::all()));
    let update = std::env::var_os("UPDATE_LEDGER").is_some();
    let folder = Path::new(CRATE);
    check_generated(&folder.join("LEDGER.md"), &current, update).unwrap();
    let file = folder.join("src/ledger/places.toml");
    check_generated(&file, &generated(&places), update).unwrap();
    let output = program::run(&["ledger", "--format", "markdown"]).await;
    // A program that was compiled before the update contains the old places.
    if !update {
        assert_eq!((output.code, output.stdout), (0, current));
    }
}

#[test]
fn a_generated_file_that_is_stale_is_named_until_it_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("places.toml");
    fs::write(&file, "old").unwrap();
    let stale = check_generated(&file, "new", false).unwrap_err();
    assert!(stale.contains("places.toml is not up to date"), "{stale}");
    for update in [true, false] {
        assert_eq!(check_generated(&file, "new", update), Ok(()));
    }
}

#[tokio::test]
async fn the_program_prints_every_behaviour_as_text_and_as_json() {
    let (ledger, places) = (Ledger::own().unwrap(), Places::own().unwrap());
    let behaviours = behaviour::all(&ledger, &places, &checks::all());
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
    let (ledger, places) = (Ledger::parse(&text).unwrap(), Places::default());
    let behaviours = behaviour::all(&ledger, &places, &[]);
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
    let (ledger, places) = (Ledger::own().unwrap(), Places::own().unwrap());
    let behaviours = behaviour::all(&ledger, &places, &checks::all());
    let statements: HashSet<_> = behaviours.iter().map(|it| it.statement).collect();
    assert_eq!(statements.len(), behaviours.len());
}
