//! Tests `pull`.

mod download;
#[cfg(unix)]
mod extract;
mod resume;
