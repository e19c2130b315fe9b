//! `atlas-contract completions` and `atlas-contract man`: what the arguments say of themselves.

use std::{
    io,
    path::{Path, PathBuf},
};

use atlas_contract_tests::exit_code::ExitCode;
use clap::{CommandFactory, Subcommand};
use clap_complete::Shell;
use clap_mangen::Man;

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
        /// Made when it is not there.
        folder: PathBuf,
    },
}

pub(super) fn run(command: &Command) -> ExitCode {
    match command {
        Command::Completions { shell } => completions(*shell),
        Command::Man { folder } => {
            if let Err(error) = pages(folder) {
                let folder = folder.display();
                let told = format!("the manual cannot be written to {folder}: {error}");
                return complain(&told, ExitCode::SuiteBroke);
            }
        }
    }
    ExitCode::Holds
}

fn completions(shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "atlas-contract", &mut script);
    say(String::from_utf8_lossy(&script).trim_end());
}

/// A page for the program and one for each command, whose names are printed.
fn pages(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    write(&program, folder)
}

fn write(command: &clap::Command, folder: &Path) -> io::Result<()> {
    let page = Man::new(command.clone()).generate_to(folder)?;
    say(&page.display().to_string());
    command
        .get_subcommands()
        .try_for_each(|command| write(command, folder))
}
