//! Runs `atlas-contract completions` and `atlas-contract man`.

use std::{
    io,
    path::{Path, PathBuf},
};

use atlas_common::manual::{self, Shell};
use atlas_contract_tests::exit_code::ExitCode;
use clap::{CommandFactory, Subcommand};

use super::{
    Cli,
    print::{complain, say},
};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Prints a script that completes arguments in a shell.
    #[command(
        after_help = "Example:\n  atlas-contract completions bash > /etc/bash_completion.d/atlas-contract"
    )]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Writes the manual's pages into a folder.
    #[command(after_help = "Example:\n  atlas-contract man /usr/local/share/man/man1")]
    Man {
        /// The folder; it is created if it does not exist.
        folder: PathBuf,
    },
}

pub(super) fn run(command: &Command) -> ExitCode {
    match command {
        Command::Completions { shell } => completions(*shell),
        Command::Man { folder } => {
            if let Err(error) = pages(folder) {
                let folder = folder.display();
                let message = format!("the manual cannot be written to {folder}: {error}");
                return complain(&message, ExitCode::SuiteBroke);
            }
        }
    }
    ExitCode::Holds
}

fn completions(shell: Shell) {
    let script = manual::completions(shell, Cli::command());
    say(String::from_utf8_lossy(&script).trim_end());
}

/// Writes a page for the program and one for each command, and prints their names.
fn pages(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for page in manual::pages(Cli::command().disable_help_subcommand(true)) {
        let path = page.write_into(folder)?;
        say(&path.display().to_string());
    }
    Ok(())
}
