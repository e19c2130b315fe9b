//! Servers that are wrong in one thing each: the proof that every clause can fail.
//!
//! The modules are those of [`crate::suite::clauses`], each a table of what is spoilt and then the longer of its servers;
//! `unsteady` has the servers that are wrong only now and then; `wire` reads and changes what passes, `memory` is what some remember. A mutant knows the API, as a server does,
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
mod unsteady;
mod uploads;
mod versions;
mod wire;

use futures_util::future::BoxFuture;

use crate::self_test::proxy::{Answers, Emulator, Replies, Reply, Request, Requests, Wrong};

/// A server that is wrong in one thing.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// The id of the clause that must notice.
    pub clause: &'static str,
    /// What tells it from the other mutants of the clause.
    pub name: &'static str,
    /// What it does wrong.
    pub title: &'static str,
    /// Whether it is wrong only now and then, or in another way each time; then it is put to its own clause alone.
    pub unsteady: bool,
    /// Makes the server, with nothing to remember yet.
    pub wrong: fn() -> Box<dyn Wrong>,
}

impl Mutant {
    /// `area.statement/name`, which no other mutant has.
    pub fn id(&self) -> String {
        format!("{}/{}", self.clause, self.name)
    }

    const fn unsteady(mut self) -> Self {
        self.unsteady = true;
        self
    }
}

/// Every mutant, in the order of the clauses; then those that are unsteady.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    let tables: [&'static [Mutant]; 13] = [
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
        unsteady::MUTANTS,
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
        unsteady: false,
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
    use crate::suite::clauses;

    #[test]
    fn every_mutant_is_aimed_at_a_clause_that_is_there_and_has_a_name_of_its_own() {
        let ids: HashSet<_> = clauses::all().map(|clause| clause.id).collect();
        let mut seen = HashSet::new();
        for mutant in all() {
            assert!(ids.contains(mutant.clause), "{}", mutant.id());
            assert!(seen.insert(mutant.id()), "{} stands twice", mutant.id());
        }
    }

    #[test]
    fn every_clause_that_says_never_has_a_mutant_that_is_wrong_only_now_and_then() {
        let unsteady: HashSet<_> = all().filter(|it| it.unsteady).map(|it| it.clause).collect();
        for clause in clauses::all().filter(|it| it.never) {
            assert!(unsteady.contains(clause.id), "{}", clause.id);
        }
    }
}
