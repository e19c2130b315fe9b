//! Runs `atlas-upload completions` and `atlas-upload man`.

use std::path::Path;

use atlas_common::manual::{self, Shell};
use atlas_uploader::{Cause, Error, Phase};
use clap::CommandFactory as _;

use crate::cli::args::Args;
use crate::cli::output::console::Console;

/// Prints a shell's completion script.
pub(in crate::cli) fn completions(shell: Shell, console: &Console) -> Result<(), Error> {
    let script = manual::completions(shell, Args::command());
    console.out(String::from_utf8_lossy(&script).trim_end())
}

/// Writes a page for the program and one for each subcommand, and prints their names.
pub(in crate::cli) fn pages(folder: &Path, console: &Console) -> Result<(), Error> {
    let failed = |path: &Path, error| Error::new(Phase::Save, Cause::file(path, error));
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for page in manual::pages(Args::command()) {
        let written = page.write_into(folder);
        let path = written.map_err(|error| failed(&folder.join(page.file_name()), error))?;
        console.out_path(&path)?;
    }
    Ok(())
}
