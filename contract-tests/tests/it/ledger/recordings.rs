//! This module compares the recordings that the ledger cites with those in `testdata/`.

use std::{collections::BTreeSet, fs, path::Path};

use atlas_contract_tests::{ledger::Ledger, suite::clause::Evidence};

/// Returns a line for each recording that is missing, not cited, or cited for another mark.
pub(crate) fn disagreements(ledger: &Ledger, folder: &Path) -> Vec<String> {
    let entries = || ledger.sections.iter().flat_map(|section| &section.entries);
    let mut found = Vec::new();
    let mut cited = BTreeSet::new();
    for entry in entries() {
        let id = &entry.id;
        for proof in &entry.evidence {
            let wrong = proof
                .files
                .iter()
                .filter(|file| mark_of(file) != Some(proof.mark));
            found
                .extend(wrong.map(|file| format!("{id}: {file} is no evidence of {}", proof.mark)));
            cited.extend(proof.files.iter().cloned());
        }
    }
    let recordings = recordings(&folder.join("testdata"));
    let gone = cited.difference(&recordings);
    found.extend(gone.map(|file| format!("there is no testdata/{file}")));
    let unused = recordings.difference(&cited);
    found.extend(unused.map(|file| format!("no entry cites testdata/{file}")));
    found
}

fn mark_of(file: &str) -> Option<Evidence> {
    match file.split_once('/')?.0 {
        "recorded" => Some(Evidence::Recorded),
        "wire" => Some(Evidence::Client),
        _ => None,
    }
}

fn recordings(testdata: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for kind in ["recorded", "wire"] {
        for entry in fs::read_dir(testdata.join(kind)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            files.insert(format!("{kind}/{name}"));
        }
    }
    files
}

#[test]
fn what_is_not_there_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("suite");
    for kind in ["recorded", "wire"] {
        fs::create_dir_all(suite.join("testdata").join(kind)).unwrap();
    }
    fs::write(suite.join("testdata/wire/here.jsonl"), "").unwrap();
    let files = "files = [\"wire/gone.jsonl\"]";
    let text = super::compare::made_up("")
        .replace("mark = \"docs\"", &format!("mark = \"docs\", {files}"));
    let found = disagreements(&Ledger::parse(&text).unwrap(), &suite);
    let expected = [
        "a.b: wire/gone.jsonl is no evidence of docs",
        "there is no testdata/wire/gone.jsonl",
        "no entry cites testdata/wire/here.jsonl",
    ];
    assert_eq!(found, expected);
}
