//! The emulator from outside: its API over HTTP, module by module as its routes, and its program.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, helpers included"
)]

mod artifacts;
mod asking;
mod authenticate;
mod bad_input;
mod binstore;
mod clock;
mod connections;
mod download;
mod exec;
mod faults;
mod half;
mod hostile;
mod hostile_archives;
mod lifecycle;
mod limits;
mod lints;
mod logs;
mod manual;
mod metrics;
mod orphans;
mod plain;
mod program;
#[cfg(feature = "real-clients")]
mod real_clients;
mod requests;
mod search;
mod seed;
mod silent;
mod sizes;
mod snapshot;
mod state;
mod stress;
mod support;
mod threads;
mod tls;
mod tokens;
mod unserved;
mod upload;
mod verify;
mod versions;
