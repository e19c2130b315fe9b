//! Runs `atlas-contract list`.

use atlas_contract_tests::{client::rules, exit_code::ExitCode, suite::clauses};

use super::print::say;

/// Prints a line for each clause and for each setting that it needs, then a line for each rule.
pub(super) fn list() -> ExitCode {
    for clause in clauses::all() {
        entry(clause.id, &clause.marks(), clause.title);
        for setting in clause.required_settings {
            entry("", "", &format!("needs {}", setting.flags()));
        }
    }
    for rule in rules::all() {
        entry(rule.id, &rule.marks(), rule.title);
    }
    ExitCode::Holds
}

fn entry(id: &str, marks: &str, text: &str) {
    say(&format!("{id:<30}  {marks:<16}  {text}"));
}
