//! `atlas-upload packer doctor`: lets Packer validate a template that only our plugin could refuse in
//! the way it does, and tells what came of it.

use std::process::Output;

use atlas_uploader::packer_plugin::install::plugin_folder;
use atlas_uploader::{Cause, Error, Phase};

use super::{missing, packer, plugin, version};
use crate::cli::console::Console;

/// The settings are missing, so that it never gets as far as a server.
const TEMPLATE: &str = r#"{
  "builders": [{"type": "null", "communicator": "none"}],
  "post-processors": [{"type": "atlas"}]
}"#;
/// What a post-processor of this type says of that, ours or another one.
const REFUSAL: &str = "artifact must be set";

pub(super) async fn look(console: &Console) -> Result<(), Error> {
    let version = version().await?;
    console.out(&format!("Packer {version}"))?;
    let output = validate().await?;
    let heard = [output.stdout, output.stderr].concat();
    let heard = String::from_utf8_lossy(&heard);
    if let Some((_, program)) = heard.split_once(plugin::STARTED) {
        let program = program.lines().next().unwrap_or_default().trim();
        if heard.contains(REFUSAL) {
            return console.out(&format!("It finds the post-processor atlas: {program}"));
        }
        let reason = "Packer starts the plugin, and does not get on with it; look at what PACKER_LOG=1 packer validate says";
        return Err(missing(reason));
    }
    if heard.contains(REFUSAL) {
        return Err(missing(
            "Packer has a post-processor atlas that is not this program",
        ));
    }
    let folder = plugin_folder(version, |name| std::env::var_os(name));
    let folder = folder.map_or_else(|| "a folder".to_owned(), |path| path.display().to_string());
    Err(missing(&format!(
        "Packer finds no post-processor atlas; atlas-upload packer install puts it into {folder}"
    )))
}

async fn validate() -> Result<Output, Error> {
    let failed =
        |error: std::io::Error| Error::new(Phase::Install, Cause::Internal(error.to_string()));
    let folder = tempfile::tempdir().map_err(failed)?;
    let template = folder.path().join("template.json");
    tokio::fs::write(&template, TEMPLATE)
        .await
        .map_err(failed)?;
    let mut command = packer(&["validate", "template.json"]).await?;
    let command = command.current_dir(folder.path()).env("PACKER_LOG", "1");
    // A log that goes to a file would not be heard.
    command
        .env_remove("PACKER_LOG_PATH")
        .output()
        .await
        .map_err(failed)
}
