//! `atlas-upload` and Packer: the program as a plugin, and `atlas-upload packer …`, which puts it
//! where Packer finds it.

mod doctor;
mod install;
pub(super) mod plugin;

use std::path::PathBuf;

use atlas_uploader::packer_plugin::install::{PackerVersion, plugin_folder};
use atlas_uploader::{Cause, Error, Phase};
use tokio::process::Command;

use super::args::PackerCommand;
use super::console::Console;

/// Runs one of the subcommands.
pub(super) async fn run(command: PackerCommand, console: &Console) -> Result<(), Error> {
    match command {
        PackerCommand::Install { dir } => install::install(dir, console).await,
        PackerCommand::Uninstall { dir } => install::uninstall(dir, console).await,
        PackerCommand::Doctor => doctor::look(console).await,
    }
}

/// Packer as it is found in `PATH`.
async fn packer(arguments: &[&str]) -> Result<Command, Error> {
    let mut command = Command::new("packer");
    command
        .args(arguments)
        .env("CHECKPOINT_DISABLE", "1")
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

async fn version() -> Result<PackerVersion, Error> {
    let output = packer(&["version"]).await?.output().await;
    let output = output.map_err(|error| {
        missing(&format!(
            "packer cannot be run: {error}; put it into PATH, or give --dir"
        ))
    })?;
    let printed = String::from_utf8_lossy(&output.stdout);
    PackerVersion::printed(&printed).ok_or_else(|| {
        missing("`packer version` prints no version; is another program called packer?")
    })
}

/// The folder that is given, or the one where the installed Packer looks.
async fn folder(dir: Option<PathBuf>, console: &Console) -> Result<PathBuf, Error> {
    if let Some(dir) = dir {
        return Ok(dir);
    }
    let version = version().await?;
    if !version.is_supported() {
        return Err(missing(&format!(
            "Packer {version} speaks an older protocol with its plugins, and has the atlas post-processor built in up to 1.2; 1.5 and later can use this one"
        )));
    }
    console.say(&format!("Packer {version} is installed"));
    let folder = plugin_folder(version, |name| std::env::var_os(name));
    folder.ok_or_else(|| missing("there is no home folder: set HOME, or give --dir"))
}

fn missing(reason: &str) -> Error {
    Error::new(Phase::Install, Cause::Missing(reason.to_owned()))
}
