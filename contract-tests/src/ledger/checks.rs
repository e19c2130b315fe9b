//! This module lists the checks that the ledger can name: the clauses for servers and the rules for uploaders.

use crate::{
    client::{rule::Rule, rules},
    suite::{
        clause::{Clause, Evidence},
        clauses,
    },
};

/// A check, with the fields that the ledger uses.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// The id, unique among all checks.
    pub id: &'static str,
    /// The statement that it checks.
    pub title: &'static str,
    /// The marks of its evidence: those of its entries, in any order.
    pub evidence: &'static [Evidence],
}

/// Returns every check.
pub fn all() -> Vec<Check> {
    let clauses = clauses::all().map(Check::from);
    clauses.chain(rules::all().map(Check::from)).collect()
}

impl From<&Rule> for Check {
    fn from(rule: &Rule) -> Self {
        Self {
            id: rule.id,
            title: rule.title,
            evidence: rule.evidence,
        }
    }
}

impl From<&Clause> for Check {
    fn from(clause: &Clause) -> Self {
        Self {
            id: clause.id,
            title: clause.title,
            evidence: clause.evidence,
        }
    }
}
