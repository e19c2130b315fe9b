//! This module contains all rules for uploaders from `docs/contract.md`, in the order of the steps of a push, and those for
//! Vagrant boxes.
//!
//! Each module begins with its table, followed by the checks in the same order. A rule is about one thing, and applies
//! to any scenario.

mod boxes;
mod calls;
mod ending;
mod fields;
mod uploads;
mod versions;

use super::rule::Rule;

/// Returns every rule.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let tables: [&'static [Rule]; 6] = [
        calls::RULES,
        fields::RULES,
        uploads::RULES,
        versions::RULES,
        ending::RULES,
        boxes::RULES,
    ];
    tables.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::suite::clauses;

    #[test]
    fn ids_are_short_and_no_clause_has_them() {
        let mut seen: HashSet<_> = clauses::all().map(|clause| clause.id).collect();
        for rule in all() {
            let name = rule.id.strip_prefix("client.").unwrap_or_default();
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(!name.is_empty() && name.chars().all(plain), "{}", rule.id);
            assert!(rule.id.len() <= 30, "{}", rule.id);
            assert!(seen.insert(rule.id), "{} stands twice", rule.id);
        }
    }

    #[test]
    fn every_rule_says_how_it_is_known() {
        assert!(all().all(|rule| !rule.evidence.is_empty()));
    }
}
