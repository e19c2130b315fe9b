//! One suite that judges an emulated or a real Atlas by its contract, `docs/contract.md`, and by nothing else.
//!
//! From the outside in: [`settings`] are what the caller says and [`target`] is the server they name, [`run`] goes
//! through the clauses, [`report`] holds what came out and [`exit_code`] what a program makes of it. A [`clause`] is
//! one statement of the contract with its evidence and its check; [`clauses`] has all of them. A check works in a
//! [`context`] (names unique to the run, every write through one guard) with [`artifact`]s of its own; both speak raw
//! HTTP through [`http`]: [`outgoing`] is a request, whose fields [`encoding`] writes, and [`exchange`] judges the reply. What a check learned
//! is a [`fault`] or nothing. Bodies known word for word are files of [`snapshot`]; [`secrets`] keeps tokens and upload
//! paths out of every text. [`proxy`] makes wrong servers of a correct emulator; [`mutants`] are such servers, and
//! [`self_test`] proves by them that every clause can fail.
//!
//! Nothing here shares a type with the servers or the clients it judges, and the library prints nothing.

pub mod artifact;
pub mod clause;
pub mod clauses;
pub mod context;
pub mod encoding;
pub mod exchange;
pub mod exit_code;
pub mod fault;
pub mod http;
pub mod mutants;
pub mod outgoing;
pub mod proxy;
pub mod report;
pub mod run;
pub mod secrets;
pub mod self_test;
pub mod settings;
pub mod snapshot;
pub mod target;
