//! `atlas-contract list`.

use atlas_contract_tests::{clauses, exit_code::ExitCode};

use super::print::say;

/// A line for each clause, and one for each thing it needs.
pub(super) fn list() -> ExitCode {
    for clause in clauses::all() {
        say(&format!(
            "{:<30}  {:<16}  {}",
            clause.id,
            clause.marks(),
            clause.title
        ));
        for need in clause.needs {
            say(&format!("{:<30}  {:<16}  needs {}", "", "", need.flags()));
        }
    }
    ExitCode::Holds
}
