//! Tests the clauses against correct and wrong servers, and the emulator against recordings.

mod box_clients;
mod durable;
mod emulator;
mod recorded;
mod replay;
mod servers;
mod wrong_servers;
