//! Tests the uploader from outside, as its users and its servers see it. The folders are those of `src/`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, helpers included"
)]

mod api;
mod boxes;
mod cli;
mod config;
mod mirror;
mod packer;
mod pull;
mod push;
#[cfg(feature = "real-clients")]
mod real_clients;
mod show;
mod support;
#[cfg(unix)]
mod terraform;
