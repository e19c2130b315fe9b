//! Runs `atlas-upload terraform install` and `atlas-upload terraform uninstall`.

use atlas_uploader::terraform::install::{Place, SOURCE};
use atlas_uploader::{Cause, Error, Phase};

use crate::cli::commands::{blocking, show_removed};
use crate::cli::output::console::Console;

pub(super) async fn install(place: Place, console: &Console) -> Result<(), Error> {
    let program = std::env::current_exe()
        .map_err(|error| Error::new(Phase::Install, Cause::Internal(error.to_string())))?;
    let settings = place.settings();
    let installed = blocking(Phase::Install, move || place.install(&program)).await?;
    for path in installed {
        console.out_path(&path)?;
    }
    match settings {
        Some(settings) => {
            console.say("Put this into the file ~/.terraformrc, or into that of TF_CLI_CONFIG_FILE:");
            console.say(&format!("\n{settings}\n"));
        }
        None => console.say(&format!(
            "Terraform finds {SOURCE} there, unless its own configuration has a block provider_installation"
        )),
    }
    console.say("Check whether Terraform finds the provider with: atlas-upload terraform doctor");
    Ok(())
}

pub(super) async fn uninstall(place: Place, console: &Console) -> Result<(), Error> {
    let shown = place.folder().display().to_string();
    let removed = blocking(Phase::Install, move || place.uninstall()).await?;
    show_removed(&removed.removed, &removed.changed, &shown, console)
}
