//! Implements the subcommands, one module for each.

pub(super) mod boxes;
pub(super) mod config;
pub(super) mod manual;
mod mirror;
mod mirrored;
pub(super) mod packer;
mod pull;
mod push;
mod search;
mod show;
mod template;
pub(super) mod terraform;
mod whoami;

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::{Cause, Error, Phase};

use super::app::{App, Failure};
use super::args::Command;
use super::output::console::Console;

impl App<'_> {
    /// Runs a subcommand that calls an Atlas, and returns its exit code.
    pub(super) async fn run(&self, command: Command) -> Result<ExitCode, Failure> {
        match command {
            Command::Push(args) => return self.push(*args).await.map(|()| ExitCode::Success),
            Command::Mirror(args) => return self.mirror(args).await.map_err(Failure::from),
            Command::Search(args) => self.search(args).await,
            Command::Pull(args) => self.pull(args).await,
            Command::Show(args) => self.show(args).await,
            Command::Whoami => self.whoami().await,
            // `run` in `cli` handles these before it creates a client.
            Command::Config
            | Command::Box { .. }
            | Command::Completions { .. }
            | Command::Man { .. }
            | Command::Packer { .. }
            | Command::Terraform { .. } => Ok(()),
        }
        .map(|()| ExitCode::Success)
        .map_err(Failure::from)
    }
}

/// Runs blocking work, such as reading files, outside the async runtime. `phase` is that of a panic.
async fn blocking<T: Send + 'static>(
    phase: Phase,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::new(phase, Cause::Internal(error.to_string()))))
}

/// The longest run of a program that loads its plugins, and may look for them on the network.
const PROGRAMS_TIME: Duration = Duration::from_secs(120);

/// Runs another program, which is found in `PATH`, and returns what it printed.
async fn output_of(program: &str, command: &mut tokio::process::Command) -> Result<Output, Error> {
    let missing = |reason| Error::new(Phase::Install, Cause::Missing(reason));
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PROGRAMS_TIME, command.output()).await;
    let output = output.map_err(|_| {
        let limit = PROGRAMS_TIME.as_secs();
        let arguments = command.as_std().get_args();
        let arguments: Vec<_> = arguments.map(|word| word.to_string_lossy()).collect();
        let what = arguments.join(" ");
        missing(format!(
            "`{program} {what}` did not end within {limit} seconds"
        ))
    })?;
    output.map_err(|error| {
        missing(format!(
            "{program} cannot be run; check that it is in PATH: {error}"
        ))
    })
}

/// Prints what an uninstallation removed, and warns of what stays because it has changed.
fn show_removed(
    removed: &[PathBuf],
    changed: &[PathBuf],
    folder: &str,
    console: &Console,
) -> Result<(), Error> {
    for path in removed {
        console.out_path(path)?;
    }
    for path in changed {
        console.warn(&format!(
            "{} has changed since its installation, and is not removed",
            path.display()
        ));
    }
    if removed.is_empty() {
        console.say(&format!("Nothing was removed from {folder}"));
    }
    Ok(())
}
