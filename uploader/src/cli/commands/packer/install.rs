//! Runs `atlas-upload packer install` and `atlas-upload packer uninstall`.

use std::path::PathBuf;

use atlas_uploader::packer::plugin::install::{self, Removed};
use atlas_uploader::{Cause, Error, Phase};

use super::folder;
use crate::cli::output::console::Console;

pub(in crate::cli) async fn install(dir: Option<PathBuf>, console: &Console) -> Result<(), Error> {
    let folder = folder(dir, console).await?;
    let program = std::env::current_exe();
    let program = program.map_err(|error| failed(error.to_string()))?;
    let installed = blocking(move || install::install(&program, &folder)).await?;
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
    let Removed { removed, changed } = blocking(move || install::uninstall(&folder)).await?;
    for path in &removed {
        console.out_path(path)?;
    }
    for path in &changed {
        console.warn(&format!(
            "{} has changed since its installation, and is not removed",
            path.display()
        ));
    }
    if removed.is_empty() {
        console.say(&format!("Nothing was removed from {shown}"));
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(failed(error.to_string())))
}

fn failed(reason: String) -> Error {
    Error::new(Phase::Install, Cause::Internal(reason))
}
