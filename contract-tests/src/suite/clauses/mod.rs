//! The clauses are all statements of `docs/contract.md` about the server, in the order in which they are checked.
//!
//! Each module begins with its table of clauses, and its checks follow in the same order. Every check makes what it
//! needs, so each can run alone.

mod access;
mod artifacts;
mod authentication;
mod boxes;
mod builds;
mod download;
mod errors;
mod metadata;
mod regions;
mod requests;
mod samples;
mod search;
mod uploads;
mod versions;

use crate::suite::clause::Clause;

/// Returns every clause.
pub fn all() -> impl Iterator<Item = &'static Clause> {
    let tables: [&'static [Clause]; 12] = [
        authentication::CLAUSES,
        access::CLAUSES,
        errors::CLAUSES,
        requests::CLAUSES,
        artifacts::CLAUSES,
        versions::CLAUSES,
        metadata::CLAUSES,
        regions::CLAUSES,
        uploads::CLAUSES,
        search::CLAUSES,
        builds::CLAUSES,
        download::CLAUSES,
    ];
    tables.into_iter().chain(boxes::TABLES).flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_short_and_name_their_area() {
        let mut seen = HashSet::new();
        for clause in all() {
            let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '.');
            assert!(seen.insert(clause.id), "{} stands twice", clause.id);
            assert!(
                clause.id.len() <= 30 && clause.id.chars().all(plain),
                "{}",
                clause.id
            );
            assert_eq!(clause.id.matches('.').count(), 1, "{}", clause.id);
        }
    }

    #[test]
    fn every_clause_says_how_it_is_known_and_each_mark_once() {
        for clause in all() {
            let marks: HashSet<_> = clause.evidence.iter().map(ToString::to_string).collect();
            assert!(!marks.is_empty(), "{}", clause.id);
            assert_eq!(marks.len(), clause.evidence.len(), "{}", clause.id);
        }
    }
}
