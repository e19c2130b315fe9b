//! This suite judges an emulated or a real Atlas solely by its contract, `docs/contract.md`.
//!
//! The folders are layers, listed here from the lowest to the highest. A folder imports only folders above it in this
//! list, which are lower layers:
//!
//! - [`safety`] protects a server from a run: it limits writes and speed, and records in a journal what a run makes.
//! - [`http`] sends requests as raw HTTP and JSON, and judges a reply.
//! - [`suite`] holds the clauses of the contract, and the tools of their checks.
//! - [`report`] holds the results, writes them in several formats, and compares two reports.
//! - [`run`] runs the clauses against the server that the settings name, plans a run, and cleans up after one.
//! - [`self_test`] runs the clauses against servers that are wrong on purpose, to prove that each clause can fail.
//! - [`client`] judges what an uploader sends.
//! - [`ledger`] lists the evidence for each behaviour of the contract.
//! - `cli` is the command line of the program `atlas-contract`; it belongs to the binary, not to this library.
//!
//! Every folder may use the files beside this one, which are below all folders: [`failure`] says why a check failed,
//! and [`exit_code`] lists the exit codes of the program.
//! The crate shares no type with the servers or the clients it judges, and the library prints nothing.

pub mod client;
pub mod exit_code;
pub mod failure;
pub mod http;
mod input;
pub mod ledger;
pub mod report;
pub mod run;
pub mod safety;
pub mod self_test;
pub mod suite;
mod text;
