//! One suite that judges an emulated or a real Atlas by its contract, `docs/contract.md`, and by nothing else.
//!
//! From the outside in: [`settings`] are what the caller says, [`conduct`] among them (files that it names are read by `input`), and [`target`] is the server
//! they name, [`run`] goes through the clauses that [`filter`] chooses, [`report`] holds what came out, in several forms, [`diff`] compares two
//! reports, and [`exit_code`] is what a program makes of a run. A [`clause`] is one statement of the contract with its
//! evidence and its check; [`clauses`] has all of them, and [`ledger`] tells on what each behaviour of the contract
//! rests, whether a clause has it or not. What a check breaks at is asked again until it is certain that the server is
//! `steady`. A check works in a [`context`] (names unique to the run, every write through one guard) with [`artifact`]s
//! of its own; both speak raw HTTP through [`http`]: [`outgoing`] is a request, whose fields [`encoding`] writes, and
//! [`exchange`] judges the reply. What a check learned is a [`fault`] or nothing. Bodies known word for word are files
//! of [`snapshot`]; [`secrets`] keeps tokens and upload paths out of every text. [`proxy`] makes wrong servers of a
//! correct emulator; [`mutants`] are such servers, and [`self_test`] proves by them that every clause can fail.
//!
//! What keeps a server safe from a run: [`http`] has the one door, which lets writes out only where they are allowed,
//! only once the [`journal`] has them on disk, and at a [`pace`]; [`trust`] says which certificates are believed.
//! [`cleanup`] removes what a journal names, where the caller lets it, [`plan`] shows what a run would send, and a run that only reads takes a
//! [`subject`] from [`fixtures`] where another one makes it.
//!
//! [`client`] looks at the other side: what an uploader sends.
//!
//! Nothing here shares a type with the servers or the clients it judges, and the library prints nothing.

pub mod artifact;
pub mod clause;
pub mod clauses;
pub mod cleanup;
pub mod client;
pub mod conduct;
pub mod context;
pub mod diff;
pub mod encoding;
pub mod exchange;
pub mod exit_code;
pub mod fault;
pub mod filter;
pub mod fixtures;
pub mod http;
mod input;
pub mod journal;
pub mod ledger;
pub mod mutants;
pub mod outgoing;
pub mod pace;
pub mod plan;
pub mod proxy;
pub mod report;
pub mod run;
pub mod secrets;
pub mod self_test;
pub mod settings;
pub mod snapshot;
mod steady;
pub mod subject;
pub mod target;
mod text;
pub mod trust;
