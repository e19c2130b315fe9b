//! `atlas-upload completions` and `atlas-upload man`: what the arguments say of themselves.

use std::io;
use std::path::Path;

use atlas_uploader::{Cause, Error, Phase};
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::Args;
use super::console::Console;

/// Prints the script of a shell.
pub(super) fn completions(shell: Shell, console: &Console) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "atlas-upload", &mut script);
    console.out(String::from_utf8_lossy(&script).trim_end())
}

/// Writes a page for the program and one for each subcommand, and prints their names.
pub(super) fn pages(folder: &Path, console: &Console) -> Result<(), Error> {
    let failed = |path: &Path, error| Error::new(Phase::Save, Cause::file(path, error));
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut program = Args::command();
    program.build();
    for command in with_subcommands(&program) {
        let name = command.get_display_name().unwrap_or("atlas-upload");
        let path = folder.join(format!("{name}.1"));
        let page = page(command).map_err(|error| failed(&path, error))?;
        std::fs::write(&path, page).map_err(|error| failed(&path, error))?;
        console.out_path(&path)?;
    }
    Ok(())
}

fn with_subcommands(command: &clap::Command) -> Vec<clap::Command> {
    let subcommands = command.get_subcommands();
    let subcommands = subcommands.filter(|command| command.get_name() != "help");
    std::iter::once(command.clone())
        .chain(subcommands.flat_map(with_subcommands))
        .collect()
}

fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
