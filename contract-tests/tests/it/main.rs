//! The suite from outside: its library and its program before correct and wrong servers, area by area as the source.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test a panic is the verdict"
)]

mod cli;
mod client;
mod http;
mod ledger;
#[cfg(all(feature = "real-clients", target_os = "linux"))]
mod real_clients;
mod report;
mod run;
mod safety;
mod self_test;
mod suite;
mod support;
