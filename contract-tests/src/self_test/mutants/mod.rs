//! Mutants are servers that are wrong in one thing each, to prove that every clause can fail.
//!
//! The modules are those of [`crate::suite::clauses`], each a table of mutants and then the longer of their
//! interceptors. `flaky` has the servers that are wrong only now and then; `wire` reads and changes what passes, and
//! `memory` is what some mutants remember. A mutant knows the API, as a server does, but neither the ids of clauses nor
//! the names that a run makes up.

mod access;
mod artifacts;
mod authentication;
mod builds;
mod download;
mod errors;
mod flaky;
mod memory;
mod metadata;
mod regions;
mod requests;
mod search;
mod uploads;
mod versions;
mod wire;

use futures_util::future::BoxFuture;

use crate::self_test::proxy::{
    AnswerInterceptor, Emulator, Interceptor, Reply, ReplyInterceptor, Request, RequestInterceptor,
};

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
    pub flaky: bool,
    /// Makes the server, with nothing to remember yet.
    pub interceptor: fn() -> Box<dyn Interceptor>,
}

impl Mutant {
    /// `area.statement/name`, which no other mutant has.
    pub fn id(&self) -> String {
        format!("{}/{}", self.clause, self.name)
    }

    const fn flaky(mut self) -> Self {
        self.flaky = true;
        self
    }
}

/// Every mutant, in the order of the clauses; then those that are flaky.
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
        flaky::MUTANTS,
    ];
    tables.into_iter().flatten()
}

const fn mutant(
    clause: &'static str,
    name: &'static str,
    title: &'static str,
    interceptor: fn() -> Box<dyn Interceptor>,
) -> Mutant {
    Mutant {
        clause,
        name,
        title,
        flaky: false,
        interceptor,
    }
}

fn requests(change: impl Fn(&mut Request) + Send + Sync + 'static) -> Box<dyn Interceptor> {
    Box::new(RequestInterceptor(change))
}

fn replies(change: impl Fn(&Request, &mut Reply) + Send + Sync + 'static) -> Box<dyn Interceptor> {
    Box::new(ReplyInterceptor(change))
}

fn answers<F>(answer: F) -> Box<dyn Interceptor>
where
    F: for<'a> Fn(&'a Request, &'a Emulator) -> BoxFuture<'a, Reply> + Send + Sync + 'static,
{
    Box::new(AnswerInterceptor(answer))
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
        let flaky: HashSet<_> = all().filter(|it| it.flaky).map(|it| it.clause).collect();
        for clause in clauses::all().filter(|it| it.never) {
            assert!(flaky.contains(clause.id), "{}", clause.id);
        }
    }
}
