//! Runs `atlas-upload terraform doctor`: it lets Terraform validate a configuration that the provider refuses in a
//! known way, and reports whether this program did so.

use std::path::Path;
use std::process::Output;

use atlas_uploader::{Cause, Error, Phase};
use tokio::process::Command;

use super::missing;
use super::plugin::STARTED;
use crate::cli::commands::output_of;
use crate::cli::output::console::Console;

/// The provider refuses the name, so it never contacts a server.
const CONFIGURATION: &str =
    "data \"atlas_artifact\" \"doctor\" {\n  name = \"doctor\"\n  type = \"none\"\n}\n";
/// The refusal of a provider `atlas`, this program's or another.
const REFUSAL: &str = "malformed slug";
/// The lines of Terraform's output that an error quotes.
const LAST_LINES: usize = 12;

pub(super) async fn run(console: &Console) -> Result<(), Error> {
    let failed =
        |error: std::io::Error| Error::new(Phase::Install, Cause::Internal(error.to_string()));
    let folder = tempfile::tempdir().map_err(failed)?;
    let file = folder.path().join("main.tf");
    tokio::fs::write(file, CONFIGURATION)
        .await
        .map_err(failed)?;
    let version = terraform(folder.path(), &["version"]).await?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let version = version
        .lines()
        .find(|line| line.starts_with("Terraform v") || line.starts_with("OpenTofu v"));
    console.out(version.ok_or_else(|| missing("`terraform version` prints no version"))?)?;
    // With dev_overrides, nothing is to be initialised; and init would ask the network for the provider.
    let mut output = validate(folder.path()).await?;
    if !heard(&output).contains(REFUSAL) {
        let init = ["init", "-backend=false", "-input=false", "-no-color"];
        let init = terraform(folder.path(), &init).await?;
        if !init.status.success() {
            return Err(not_found(&init));
        }
        output = validate(folder.path()).await?;
    }
    let heard = heard(&output);
    let program = heard.split_once(STARTED);
    let program = program.and_then(|(_, program)| program.lines().next());
    match (program, heard.contains(REFUSAL)) {
        (Some(program), true) => console.out(&format!(
            "Terraform finds the provider atlas: {}",
            program.trim()
        )),
        (None, true) => Err(missing(
            "Terraform has a provider atlas that is not this program",
        )),
        (_, false) => Err(not_found(&output)),
    }
}

async fn validate(folder: &Path) -> Result<Output, Error> {
    terraform(folder, &["validate", "-no-color"]).await
}

/// Runs the Terraform that is found in `PATH`.
async fn terraform(folder: &Path, arguments: &[&str]) -> Result<Output, Error> {
    let mut command = Command::new("terraform");
    command
        .args(arguments)
        .current_dir(folder)
        .env("CHECKPOINT_DISABLE", "1")
        // With this variable, Terraform would write its log to a file instead of stderr.
        .env_remove("TF_LOG_PATH")
        .env("TF_LOG", "debug");
    for other in [
        "TF_CLI_ARGS",
        "TF_CLI_ARGS_init",
        "TF_CLI_ARGS_validate",
        "TF_CLI_ARGS_version",
        "TF_DATA_DIR",
        "TF_LOG_CORE",
        "TF_LOG_PROVIDER",
        "TF_WORKSPACE",
    ] {
        command.env_remove(other);
    }
    output_of("terraform", &mut command).await
}

fn heard(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&all).into_owned()
}

fn not_found(output: &Output) -> Error {
    let heard = heard(output);
    // The log stands between the lines of the error.
    let lines = heard.lines().filter(|line| {
        let is_log = line.starts_with(|c: char| c.is_ascii_digit());
        !is_log && !line.trim().is_empty()
    });
    let lines: Vec<_> = lines.collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    let reason = format!("Terraform cannot use a provider atlas; its last lines are:\n{last}");
    missing(&reason).with_hint("to install the provider, run: atlas-upload terraform install")
}
