//! `atlas-upload` and Packer: the program as a plugin, and `atlas-upload packer …`, which puts it
//! where Packer finds it.

mod doctor;
mod install;
pub(in crate::cli) mod plugin;

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use atlas_uploader::packer::plugin::install::{PackerVersion, plugin_folder};
use atlas_uploader::{Cause, Error, Phase};
use tokio::process::Command;

use crate::cli::args::PackerCommand;
use crate::cli::output::console::Console;

/// Of a program that failed, its reason stands at the end.
const LAST_LINES: usize = 5;

/// How long Packer may take to say something of itself, or of a template; it starts each plugin.
const PACKERS_TIME: Duration = Duration::from_secs(120);

/// Runs one of the subcommands.
pub(in crate::cli) async fn run(command: PackerCommand, console: &Console) -> Result<(), Error> {
    match command {
        PackerCommand::Install { dir } => install::install(dir, console).await,
        PackerCommand::Uninstall { dir } => install::uninstall(dir, console).await,
        PackerCommand::Doctor => doctor::look(console).await,
    }
}

/// Runs Packer as it is found in `PATH`, in the folder where the user is.
async fn packer(arguments: &[&str], log: bool) -> Result<Output, Error> {
    let mut command = Command::new("packer");
    command
        .args(arguments)
        .env("CHECKPOINT_DISABLE", "1")
        // A log that goes to a file would not be heard.
        .env_remove("PACKER_LOG_PATH")
        .env("PACKER_LOG", if log { "1" } else { "" })
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PACKERS_TIME, command.output()).await;
    let output = output.map_err(|_| {
        let (what, limit) = (arguments.join(" "), PACKERS_TIME.as_secs());
        missing(&format!(
            "`packer {what}` did not end within {limit} seconds"
        ))
    })?;
    output.map_err(|error| missing(&format!("packer cannot be run, is it in PATH? {error}")))
}

async fn version() -> Result<PackerVersion, Error> {
    let output = packer(&["version"], false).await?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if let (true, Some(version)) = (output.status.success(), PackerVersion::printed(&printed)) {
        return Ok(version);
    }
    // A Packer that cannot start a plugin says nothing at all, but for its log.
    let output = packer(&["version"], true).await?;
    Err(missing(&format!(
        "`packer version` prints no version; at the end it says:\n{}",
        last_lines(&output)
    )))
}

fn last_lines(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    let all = String::from_utf8_lossy(&all);
    let lines: Vec<_> = all.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

/// The folder that is given, or the one where the installed Packer looks.
async fn folder(dir: Option<PathBuf>, console: &Console) -> Result<PathBuf, Error> {
    if let Some(dir) = dir {
        return Ok(dir);
    }
    let give = |error: Error| error.with_hint("with --dir FOLDER no packer is asked");
    let version = version().await.map_err(give)?;
    supported(version)?;
    console.say(&format!("Packer {version} is installed"));
    let folder = plugin_folder(version, |name| std::env::var_os(name));
    folder.ok_or_else(|| missing("there is no home folder: set HOME, or give --dir"))
}

/// Refuses a Packer that cannot use the plugin.
fn supported(version: PackerVersion) -> Result<(), Error> {
    match version.refusal() {
        Some(reason) => Err(missing(&reason)),
        None => Ok(()),
    }
}

fn missing(reason: &str) -> Error {
    Error::new(Phase::Install, Cause::Missing(reason.to_owned()))
}
