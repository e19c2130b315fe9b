//! This suite judges an emulated or a real Atlas by its contract, `docs/contract.md`, and by nothing else.
//!
//! A folder imports only those above it in this list:
//!
//! - [`safety`] keeps a server safe from a run: it limits writes and speed, and keeps a journal of what is made.
//! - [`http`] sends requests as raw HTTP and JSON, and judges a reply.
//! - [`suite`] holds the clauses of the contract, and what their checks work with.
//! - [`report`] holds what came out, in several forms, and compares two reports.
//! - [`run`] puts the clauses to the server that the settings name, plans a run, and cleans up after one.
//! - [`self_test`] puts the clauses to servers that are wrong on purpose, to prove that each clause can fail.
//! - [`client`] judges what an uploader sends.
//! - [`ledger`] tells on what each behaviour of the contract rests.
//!
//! Every folder may use the files beside this one: a check that does not hold ends in a [`failure`], a program in an
//! [`exit_code`]. Nothing here shares a type with the servers or the clients it judges, and the library prints nothing.

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
