//! Tests the emulator from outside: its API over HTTP, its library and its program. The folders are those of
//! the source.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, helpers included"
)]

mod app;
mod cli;
mod faults;
mod http;
mod net;
#[cfg(feature = "real-clients")]
mod real_clients;
mod support;
