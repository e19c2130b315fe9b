//! These tests pull artifacts.

mod download;
#[cfg(unix)]
mod extract;
mod resume;
