//! Builds the programs of the workspace for a test of a crate other than theirs, since Cargo builds only a crate's own
//! programs for its tests.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds all programs of the workspace in `workspace` into the folder of the running test, and returns the folder
/// that then contains them.
///
/// The programs are built beside the examples and tests, with these features of the workspace's crates: with those of
/// the running tests, `cargo test --workspace` has built the same already.
///
/// # Errors
///
/// Fails if the running program is no test that Cargo built, or if the build fails.
pub fn build(workspace: &Path, features: &[&str]) -> io::Result<PathBuf> {
    // TARGET/PROFILE/deps/it-HASH
    let own = std::env::current_exe()?;
    let (Some(folder), Some(target)) = (own.ancestors().nth(2), own.ancestors().nth(3)) else {
        return Err(io::Error::other("the test is in no folder of Cargo's"));
    };
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build
        .args(["build", "--quiet", "--workspace"])
        .args(["--bins", "--examples", "--tests"])
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .arg("--target-dir")
        .arg(target)
        .current_dir(workspace);
    for feature in features {
        build.args(["--features", feature]);
    }
    let status = build.status()?;
    if !status.success() {
        return Err(io::Error::other(format!("cargo build: {status}")));
    }
    Ok(folder.to_owned())
}
