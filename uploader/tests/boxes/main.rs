//! `atlas-upload box` against a stand-in for HCP Vagrant and Vagrant Cloud: what comes, where it is put,
//! and what is said of it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, helpers included"
)]

mod access;
mod hostile;
mod links;
mod scene;
mod sources;
#[path = "../support/mod.rs"]
mod support;
mod tree;
mod verify;
