//! Runs `atlas-upload packer install` and `atlas-upload packer uninstall`.

use std::path::PathBuf;

use atlas_uploader::packer::plugin::install::{self, Removed};
use atlas_uploader::{Cause, Error, Phase};

use super::folder;
use crate::cli::commands::{blocking, show_removed};
use crate::cli::output::console::Console;

pub(in crate::cli) async fn install(dir: Option<PathBuf>, console: &Console) -> Result<(), Error> {
    let folder = folder(dir, console).await?;
    let program = std::env::current_exe();
    let program = program.map_err(|error| failed(error.to_string()))?;
    let installed = blocking(Phase::Install, move || install::install(&program, &folder)).await?;
    for path in installed {
        console.out_path(&path)?;
    }
    console.say("The post-processor atlas is installed; check whether Packer finds it with: atlas-upload packer doctor");
    Ok(())
}

pub(in crate::cli) async fn uninstall(
    dir: Option<PathBuf>,
    console: &Console,
) -> Result<(), Error> {
    let folder = folder(dir, console).await?;
    let shown = folder.display().to_string();
    let Removed { removed, changed } =
        blocking(Phase::Install, move || install::uninstall(&folder)).await?;
    show_removed(&removed, &changed, &shown, console)
}

fn failed(reason: String) -> Error {
    Error::new(Phase::Install, Cause::Internal(reason))
}
