//! This module finds the workspace's folder and builds its programs.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The folder with all three programs.
pub(crate) static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let features = cfg!(feature = "real-clients").then_some("real-clients");
    atlas_common::programs::build(root(), features.as_slice()).unwrap()
});

/// Returns the workspace's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
