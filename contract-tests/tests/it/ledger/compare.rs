//! This module compares the ledger with the checks and the contract.

use std::collections::HashSet;

use atlas_contract_tests::{
    ledger::{Entry, Ledger, Section, Unchecked, behaviour, checks::Check, places::Places},
    suite::clause::Evidence,
};

use super::contract::Statement;

/// Returns a line for each disagreement, with the way to resolve it.
pub(crate) fn disagreements(
    ledger: &Ledger,
    checks: &[Check],
    contract: &[Statement],
) -> Vec<String> {
    let mut found = Vec::new();
    of_entries(ledger, checks, &mut found);
    of_checks(ledger, checks, &mut found);
    of_quotes(ledger, contract, &mut found);
    of_statements(ledger, contract, &mut found);
    found
}

/// Checks each entry by itself.
fn of_entries(ledger: &Ledger, checks: &[Check], found: &mut Vec<String>) {
    let mut ids = HashSet::new();
    for (_, entry) in entries(ledger) {
        let id = &entry.id;
        if !ids.insert(id) {
            found.push(format!("{id}: two entries have this id"));
        }
        if entry.evidence.is_empty() {
            found.push(format!("{id}: no evidence"));
        }
        if entry.unchecked == Some(Unchecked::OwnChoice)
            && marks_of([entry]) != [Evidence::Inferred]
        {
            found.push(format!("{id}: an own choice is inferred, and nothing else"));
        }
    }
    for behaviour in behaviour::all(ledger, &Places::default(), checks) {
        if behaviour.checked_by.is_empty() == behaviour.unchecked.is_none() {
            let id = behaviour.id;
            found.push(format!(
                "{id}: either a check or, in `unchecked`, why there is none"
            ));
        }
        for name in behaviour.checked_by {
            if !checks.iter().any(|check| check.id == name) {
                found.push(format!("{}: there is no check {name}", behaviour.id));
            }
        }
    }
}

/// Checks that each check has an entry, and the marks of all its entries.
fn of_checks(ledger: &Ledger, checks: &[Check], found: &mut Vec<String>) {
    for Check { id, evidence, .. } in checks {
        let named = |entry: &Entry| entry.id == *id || entry.checked_by.iter().any(|it| it == id);
        let own = entries(ledger)
            .map(|(_, entry)| entry)
            .filter(|entry| named(entry));
        let marks = marks_of(own);
        if marks.is_empty() {
            found.push(format!("{id}: a check without an entry in ledger.toml"));
        } else if marks != sorted(evidence) {
            found.push(format!(
                "{id}: the check judges by {evidence:?}, its entries have {marks:?}"
            ));
        }
    }
}

/// Checks that each quotation occurs once in its section.
fn of_quotes(ledger: &Ledger, contract: &[Statement], found: &mut Vec<String>) {
    for (section, entry) in entries(ledger) {
        let times = contract
            .iter()
            .filter(|it| quotes(section, entry, it))
            .count();
        if times != 1 {
            let (id, title, words) = (&entry.id, &section.title, &entry.contract);
            found.push(format!(
                "{id}: {times} times under {title:?} in docs/contract.md: {words}"
            ));
        }
    }
}

/// Checks that each statement of the contract is quoted by entries that together have its marks.
fn of_statements(ledger: &Ledger, contract: &[Statement], found: &mut Vec<String>) {
    for statement in contract {
        let text = &statement.text;
        let own = entries(ledger).filter(|(section, entry)| quotes(section, entry, statement));
        let marks = marks_of(own.map(|(_, entry)| entry));
        if marks.is_empty() {
            found.push(format!("no entry in ledger.toml quotes: {text}"));
        } else if let Some(stated) = &statement.marks
            && sorted(stated) != marks
        {
            found.push(format!(
                "its entries have {marks:?}, docs/contract.md says {stated:?}: {text}"
            ));
        }
    }
}

fn quotes(section: &Section, entry: &Entry, statement: &Statement) -> bool {
    section.title == statement.section && statement.text.contains(&entry.contract)
}

fn entries(ledger: &Ledger) -> impl Iterator<Item = (&Section, &Entry)> {
    let sections = ledger.sections.iter();
    sections.flat_map(|section| section.entries.iter().map(move |entry| (section, entry)))
}

fn marks_of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Evidence> {
    let proofs = entries.into_iter().flat_map(|entry| &entry.evidence);
    sorted(&proofs.map(|proof| proof.mark).collect::<Vec<_>>())
}

/// Returns the marks sorted, each once.
fn sorted(marks: &[Evidence]) -> Vec<Evidence> {
    let mut marks = marks.to_vec();
    marks.sort_by_key(ToString::to_string);
    marks.dedup();
    marks
}

/// Returns a ledger that agrees with [`CHECKS`] and [`contract`], with `more` added to its last entry.
pub(crate) fn made_up(more: &str) -> String {
    format!(
        r#"
[[section]]
title = "One"

[[section.entry]]
id = "a.b"
contract = "The sky is blue"
evidence = [{{ mark = "docs" }}, {{ mark = "client" }}]

[[section.entry]]
id = "client.looks"
contract = "Packer looks up"
evidence = [{{ mark = "client" }}]
unchecked = "genuine-client"

[[section.entry]]
id = "silent.clouds"
contract = "Clouds are white"
evidence = [{{ mark = "inferred" }}]
unchecked = "own-choice"
{more}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKS: [Check; 1] = [Check {
        id: "a.b",
        title: "the sky is blue",
        evidence: &[Evidence::Client, Evidence::Docs],
    }];

    const CONTRACT: &str = "\n## One\n\n| what | mark |\n| --- | --- |\n\
        | The sky is blue. Packer looks up. | docs, client |\n| Clouds are white. | inferred |\n";

    /// Returns the disagreements after a text of the ledger is replaced.
    fn found(from: &str, to: &str, contract: &str) -> Vec<String> {
        let text = made_up("");
        assert!(text.contains(from), "{from}");
        let ledger = Ledger::parse(&text.replacen(from, to, 1)).unwrap();
        disagreements(
            &ledger,
            &CHECKS,
            &super::super::contract::statements(contract),
        )
    }

    fn one(found: Vec<String>, words: &str) {
        assert!(
            found.len() == 1 && found[0].contains(words),
            "{words}: {found:?}"
        );
    }

    #[test]
    fn what_agrees_is_left_alone() {
        assert_eq!(found("", "", CONTRACT), [""; 0]);
    }

    #[test]
    fn a_check_without_an_entry_and_a_name_of_no_check_are_found() {
        let renamed = found(
            "id = \"a.b\"",
            "id = \"a.c\"\nunchecked = \"own-choice\"",
            CONTRACT,
        );
        assert!(renamed.contains(&"a.b: a check without an entry in ledger.toml".to_owned()));
        let named = "contract = \"The sky is blue\"\nchecked_by = [\"a.z\"]";
        one(
            found("contract = \"The sky is blue\"", named, CONTRACT),
            "there is no check a.z",
        );
    }

    #[test]
    fn a_mark_that_differs_is_found_at_the_check_and_at_the_row() {
        let docs = found("{ mark = \"docs\" }, ", "", CONTRACT);
        assert_eq!(docs.len(), 2, "{docs:?}");
        assert!(
            docs[0]
                .starts_with("a.b: the check judges by [Client, Docs], its entries have [Client]")
        );
        assert!(
            docs[1].starts_with("its entries have [Client], docs/contract.md says [Docs, Client]")
        );
        let row = CONTRACT.replace("| inferred |", "| recorded |");
        one(
            found("", "", &row),
            "its entries have [Inferred], docs/contract.md says [Recorded]",
        );
        let thread = found("{ mark = \"inferred\" }", "{ mark = \"thread\" }", CONTRACT);
        assert!(
            thread[0].contains("an own choice is inferred"),
            "{thread:?}"
        );
    }

    #[test]
    fn a_row_without_an_entry_and_an_entry_whose_row_is_gone_are_found() {
        let row = format!("{CONTRACT}| Water is wet. | docs |\n");
        one(
            found("", "", &row),
            "no entry in ledger.toml quotes: | Water is wet.",
        );
        let gone = CONTRACT.replace("Packer looks up.", "");
        one(found("", "", &gone), "client.looks: 0 times under \"One\"");
        let twice = format!("{CONTRACT}\nClouds are white.\n");
        one(
            found("", "", &twice),
            "silent.clouds: 2 times under \"One\"",
        );
        let moved = found("title = \"One\"", "title = \"Two\"", CONTRACT);
        assert_eq!(moved.len(), 5, "{moved:?}");
    }

    #[test]
    fn an_entry_that_leaves_something_open_is_found() {
        for (from, to, words) in [
            (
                "unchecked = \"genuine-client\"",
                "",
                "client.looks: either a check",
            ),
            (
                "id = \"a.b\"",
                "id = \"a.b\"\nunchecked = \"off-the-wire\"",
                "a.b: either a check",
            ),
        ] {
            one(found(from, to, CONTRACT), words);
        }
        let empty = found(
            "[{ mark = \"docs\" }, { mark = \"client\" }]",
            "[]",
            CONTRACT,
        );
        assert_eq!(empty[0], "a.b: no evidence");
        let twice = found("id = \"silent.clouds\"", "id = \"client.looks\"", CONTRACT);
        assert!(twice.contains(&"client.looks: two entries have this id".to_owned()));
    }
}
