//! Tests the library and the program from outside, against correct and wrong servers. The modules mirror the folders of
//! the source.

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
