//! What can check a behaviour. Whatever judges, a server or something else, lists its checks here.

use crate::{
    client::{rule::Rule, rules},
    suite::{
        clause::{Clause, Evidence},
        clauses,
    },
};

/// A check, as the ledger sees it.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Unique among all checks.
    pub id: &'static str,
    /// What it checks, as a statement.
    pub title: &'static str,
    /// The marks by which it judges: those of its entries, in any order.
    pub evidence: &'static [Evidence],
}

/// Every check.
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
