//! `mock-atlas completions` and `mock-atlas man` write shell completions and manual pages.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use atlas_common::manual::{self, Shell};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Prints a script that completes arguments in a shell
    #[command(
        after_help = "Example:\n  mock-atlas completions bash > /etc/bash_completion.d/mock-atlas"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Writes the manual pages into a folder
    #[command(after_help = "Example:\n  mock-atlas man /usr/local/share/man/man1")]
    Man {
        /// The folder to write to; it is created if it does not exist
        folder: PathBuf,
    },
}

pub(super) fn run(command: &Command) -> Result<(), String> {
    match command {
        Command::Completions { shell } => {
            completions(*shell).map_err(|error| format!("cannot write to stdout: {error}"))
        }
        Command::Man { folder } => pages(folder)
            .map_err(|error| format!("cannot write the manual to {}: {error}", folder.display())),
    }
}

fn completions(shell: Shell) -> io::Result<()> {
    io::stdout().write_all(&manual::completions(shell, super::command()))
}

/// Writes a page for the program and one for each command, and prints their paths.
fn pages(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for page in manual::pages(super::command().disable_help_subcommand(true)) {
        let path = page.write_into(folder)?;
        writeln!(io::stdout(), "{}", path.display())?;
    }
    Ok(())
}
