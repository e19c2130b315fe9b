//! These tests judge the workspace as a whole: what holds between its crates, its programs and its documents.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, helpers included"
)]

#[cfg(unix)]
mod documents;
#[cfg(unix)]
mod homes;
mod imports;
#[cfg(unix)]
mod mirrors;
#[cfg(unix)]
mod real_clients;
mod workspace;
