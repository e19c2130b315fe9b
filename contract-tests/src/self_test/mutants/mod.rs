//! A mutant is a server with one fault. Mutants prove that every clause can fail.
//!
//! There is a module for each module of [`crate::suite::clauses`]; it contains a table of mutants, followed by their
//! longer interceptors. `flaky` contains the mutants that are wrong only now and then; `wire` reads and changes
//! requests and replies, and `memory` stores facts about earlier requests. An interceptor uses only the API: it must
//! not match on the names that a run makes up, nor on anything else that identifies a clause.

mod access;
mod artifacts;
mod authentication;
mod boxes;
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

/// A server with one fault.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// The id of the clause that must notice.
    pub clause: &'static str,
    /// The name, unique among the mutants of the clause.
    pub name: &'static str,
    /// The fault, as a statement.
    pub title: &'static str,
    /// Whether it is wrong only now and then, or in another way each time; then only its own clause checks it.
    pub flaky: bool,
    /// Creates the interceptor, with an empty memory.
    pub interceptor: fn() -> Box<dyn Interceptor>,
}

impl Mutant {
    /// Returns the unique id, `area.statement/name`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.clause, self.name)
    }

    const fn flaky(mut self) -> Self {
        self.flaky = true;
        self
    }
}

/// Returns every mutant in the order of the clauses, then the flaky ones.
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
    tables.into_iter().chain(boxes::TABLES).flatten()
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
