//! All rules, in the order in which a push goes: those of `docs/contract.md` that say something about its clients.
//!
//! Each module opens with its table and goes on with the checks in the same order. A rule speaks of one thing, and of
//! any scenario.

mod calls;
mod ending;
mod fields;
mod uploads;
mod versions;

use super::rule::Rule;

/// Every rule.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let tables: [&'static [Rule]; 5] = [
        calls::RULES,
        fields::RULES,
        uploads::RULES,
        versions::RULES,
        ending::RULES,
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
