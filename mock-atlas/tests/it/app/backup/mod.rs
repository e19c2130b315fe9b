//! Tests backups: archives of everything, which are made while clients work and restored into any home.
//!
//! - `load`: backups among writers; `damage`: archives that are not whole; `memory`: how much memory large files take
//! - `increments`: archives that leave out what earlier ones have

mod damage;
mod increments;
pub(crate) mod load;
mod memory;

use std::path::{Path, PathBuf};

use crate::support::{Fixture, printed};

/// Makes a backup with the program, and returns its path.
pub(crate) async fn backup(of: &Fixture, folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(name);
    let arguments = ["backup", file.to_str().unwrap()];
    assert_eq!(printed(&of.atlas, &arguments).await, "");
    file
}

/// Restores archives with the program.
pub(crate) async fn restore(into: &Fixture, archives: &[&Path]) {
    let archives = archives.iter().map(|archive| archive.to_str().unwrap());
    let arguments: Vec<&str> = ["restore"].into_iter().chain(archives).collect();
    assert_eq!(printed(&into.atlas, &arguments).await, "");
}
