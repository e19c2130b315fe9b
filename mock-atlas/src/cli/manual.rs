//! `mock-atlas completions` and `mock-atlas man`: what the arguments say of themselves.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use clap_complete::Shell;
use clap_mangen::Man;

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
    /// Writes the manual's pages into a folder
    #[command(after_help = "Example:\n  mock-atlas man /usr/local/share/man/man1")]
    Man {
        /// Made when it is not there
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

/// Made in memory first: what makes it panics when a reader went away.
fn completions(shell: Shell) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "mock-atlas", &mut script);
    io::stdout().write_all(&script)
}

/// A page for the program and one for each command, whose names are printed.
fn pages(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut program = super::command().disable_help_subcommand(true);
    program.build();
    write(&program, folder)
}

fn write(command: &clap::Command, folder: &Path) -> io::Result<()> {
    let page = Man::new(command.clone()).generate_to(folder)?;
    writeln!(io::stdout(), "{}", page.display())?;
    command
        .get_subcommands()
        .try_for_each(|command| write(command, folder))
}
