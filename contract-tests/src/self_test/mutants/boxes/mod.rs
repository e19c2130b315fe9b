//! Mutants that are wrong about Vagrant boxes. There is a module for each module of the clauses; `wire` reads and
//! changes requests and replies, `memory` remembers earlier ones, and `flaky` has those that are wrong now and then.

mod add;
mod checksums;
mod download;
mod flaky;
mod hcp;
mod hcp_objects;
mod login;
mod memory;
mod objects;
mod providers;
mod requests;
mod search;
mod uploads;
mod versions;
mod wire;

use super::Mutant;

/// The tables of the mutants.
pub(super) const TABLES: [&[Mutant]; 13] = [
    requests::MUTANTS,
    login::MUTANTS,
    objects::MUTANTS,
    versions::MUTANTS,
    providers::MUTANTS,
    checksums::MUTANTS,
    uploads::MUTANTS,
    download::MUTANTS,
    search::MUTANTS,
    add::MUTANTS,
    hcp::MUTANTS,
    hcp_objects::MUTANTS,
    flaky::MUTANTS,
];
