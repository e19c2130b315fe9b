//! This module finds the workspace's folder and builds its programs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The folder with all three programs, which Cargo does not build for the tests of another crate. They are built
/// beside the examples and tests, with the feature of these tests: `cargo test --workspace` has built the same already.
pub(crate) static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    // TARGET/PROFILE/deps/it-HASH
    let own = std::env::current_exe().unwrap();
    let folder = own.ancestors().nth(2).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args([
        "build",
        "--quiet",
        "--workspace",
        "--bins",
        "--examples",
        "--tests",
    ]);
    build.args((!cfg!(debug_assertions)).then_some("--release"));
    if cfg!(feature = "real-clients") {
        build.args(["--features", "real-clients"]);
    }
    build.arg("--target-dir").arg(folder.parent().unwrap());
    assert!(build.current_dir(root()).status().unwrap().success());
    folder.to_owned()
});

/// Returns the workspace's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
