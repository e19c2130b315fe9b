//! Servers that are wrong in one thing each: the proof that every clause can fail.
//!
//! The modules are those of [`crate::clauses`], each a table of what is spoilt and then the longer of its servers;
//! `wire` reads and changes what passes, `memory` is what some remember. A mutant knows the API, as a server does,
//! and neither the ids of clauses nor the names a run makes up.

mod access;
mod artifacts;
mod authentication;
mod builds;
mod download;
mod errors;
mod memory;
mod metadata;
mod regions;
mod requests;
mod search;
mod uploads;
mod versions;
mod wire;

use futures_util::future::BoxFuture;

use crate::proxy::{Answers, Emulator, Replies, Reply, Request, Requests, Wrong};

/// A server that is wrong in one thing.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// The id of the clause that must notice.
    pub clause: &'static str,
    /// What tells it from the other mutants of the clause.
    pub name: &'static str,
    /// What it does wrong.
    pub title: &'static str,
    /// Makes the server, with nothing to remember yet.
    pub wrong: fn() -> Box<dyn Wrong>,
}

impl Mutant {
    /// `area.statement/name`, which no other mutant has.
    pub fn id(&self) -> String {
        format!("{}/{}", self.clause, self.name)
    }
}

/// Every mutant, in the order of the clauses.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    let tables: [&'static [Mutant]; 12] = [
        authentication::MUTANTS,
        access::MUTANTS,
        errors::MUTANTS,
        requests::MUTANTS,
        artifacts::MUTANTS,
        versions::MUTANTS,
        metadata::MUTANTS,
        regions::MUTANTS,
        uploads::MUTANTS,
        search::MUTANTS,
        builds::MUTANTS,
        download::MUTANTS,
    ];
    tables.into_iter().flatten()
}

const fn mutant(
    clause: &'static str,
    name: &'static str,
    title: &'static str,
    wrong: fn() -> Box<dyn Wrong>,
) -> Mutant {
    Mutant {
        clause,
        name,
        title,
        wrong,
    }
}

fn requests(change: impl Fn(&mut Request) + Send + Sync + 'static) -> Box<dyn Wrong> {
    Box::new(Requests(change))
}

fn replies(change: impl Fn(&Request, &mut Reply) + Send + Sync + 'static) -> Box<dyn Wrong> {
    Box::new(Replies(change))
}

fn answers<F>(answer: F) -> Box<dyn Wrong>
where
    F: for<'a> Fn(&'a Request, &'a Emulator) -> BoxFuture<'a, Reply> + Send + Sync + 'static,
{
    Box::new(Answers(answer))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::clauses;

    #[test]
    fn every_mutant_is_aimed_at_a_clause_that_is_there_and_has_a_name_of_its_own() {
        let ids: HashSet<_> = clauses::all().map(|clause| clause.id).collect();
        let mut seen = HashSet::new();
        for mutant in all() {
            assert!(ids.contains(mutant.clause), "{}", mutant.id());
            assert!(seen.insert(mutant.id()), "{} stands twice", mutant.id());
        }
    }
}
