//! Runs the program as a plugin of Packer, and runs `atlas-upload packer …`, which installs and checks
//! the plugin.

mod doctor;
mod install;
pub(in crate::cli) mod plugin;

use std::path::PathBuf;
use std::process::Output;

use atlas_uploader::packer::plugin::install::{PackerVersion, plugin_folder};
use atlas_uploader::{Cause, Error, Phase};
use tokio::process::Command;

use super::output_of;
use crate::cli::args::PackerCommand;
use crate::cli::output::console::Console;

/// The lines of Packer's output that an error quotes: the reason stands at the end.
const LAST_LINES: usize = 5;

/// Runs a subcommand of `packer`.
pub(in crate::cli) async fn run(command: PackerCommand, console: &Console) -> Result<(), Error> {
    match command {
        PackerCommand::Install { dir } => install::install(dir, console).await,
        PackerCommand::Uninstall { dir } => install::uninstall(dir, console).await,
        PackerCommand::Doctor => doctor::run(console).await,
    }
}

/// Runs the Packer that is found in `PATH`, in the current folder.
async fn packer(arguments: &[&str], log: bool) -> Result<Output, Error> {
    let mut command = Command::new("packer");
    command
        .args(arguments)
        .env("CHECKPOINT_DISABLE", "1")
        // With this variable, Packer would write its log to a file instead of stderr.
        .env_remove("PACKER_LOG_PATH")
        .env("PACKER_LOG", if log { "1" } else { "" });
    output_of("packer", &mut command).await
}

async fn version() -> Result<PackerVersion, Error> {
    let output = packer(&["version"], false).await?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if let (true, Some(version)) = (output.status.success(), PackerVersion::printed(&printed)) {
        return Ok(version);
    }
    // A Packer that cannot start a plugin prints nothing except its log.
    let output = packer(&["version"], true).await?;
    Err(missing(&format!(
        "`packer version` prints no version; its last lines are:\n{}",
        last_lines(&output)
    )))
}

fn last_lines(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    let all = String::from_utf8_lossy(&all);
    let lines: Vec<_> = all.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

/// Returns the given folder, or the one where the installed Packer looks for plugins.
async fn folder(dir: Option<PathBuf>, console: &Console) -> Result<PathBuf, Error> {
    if let Some(dir) = dir {
        return Ok(dir);
    }
    let give = |error: Error| error.with_hint("with --dir FOLDER, packer is not run");
    let version = version().await.map_err(give)?;
    supported(version)?;
    console.say(&format!("Packer {version} is installed"));
    let folder = plugin_folder(version, |name| std::env::var_os(name));
    folder.ok_or_else(|| missing("there is no home folder: set HOME, or give --dir"))
}

/// Fails for a Packer that cannot use the plugin.
fn supported(version: PackerVersion) -> Result<(), Error> {
    match version.refusal() {
        Some(reason) => Err(missing(&reason)),
        None => Ok(()),
    }
}

fn missing(reason: &str) -> Error {
    Error::new(Phase::Install, Cause::Missing(reason.to_owned()))
}
