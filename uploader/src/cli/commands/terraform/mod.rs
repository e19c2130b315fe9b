//! Runs the program as Terraform's provider `atlas`, and runs `atlas-upload terraform …`, which installs and checks
//! the provider.

mod doctor;
mod install;
pub(in crate::cli) mod plugin;

use atlas_uploader::terraform::install::Place;
use atlas_uploader::{Cause, Error, Phase};

use crate::cli::args::{TerraformCommand, TerraformPlace};
use crate::cli::output::console::Console;

/// Runs a subcommand of `terraform`.
pub(in crate::cli) async fn run(command: TerraformCommand, console: &Console) -> Result<(), Error> {
    match command {
        TerraformCommand::Install(place) => install::install(chosen(place)?, console).await,
        TerraformCommand::Uninstall(place) => install::uninstall(chosen(place)?, console).await,
        TerraformCommand::Doctor => doctor::run(console).await,
    }
}

/// Returns the given place, or the user's own folder of plugins. Its path is absolute, since Terraform runs elsewhere.
fn chosen(place: TerraformPlace) -> Result<Place, Error> {
    let absolute = |path: std::path::PathBuf| {
        let failed = |error| Error::new(Phase::Install, Cause::file(&path, error));
        std::path::absolute(&path).map_err(failed)
    };
    match (place.mirror, place.dir) {
        (Some(folder), _) => absolute(folder).map(Place::Mirror),
        (None, Some(folder)) => absolute(folder).map(Place::Override),
        (None, None) => Place::of_user(|name| std::env::var_os(name))
            .ok_or_else(|| missing("there is no home folder: set HOME, or give --mirror or --dir")),
    }
}

fn missing(reason: &str) -> Error {
    Error::new(Phase::Install, Cause::Missing(reason.to_owned()))
}
