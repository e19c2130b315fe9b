//! Runs `atlas-upload packer doctor`: it lets Packer validate a template that an `atlas` post-processor
//! refuses in a known way, and reports whether this program's plugin did so.

use std::path::Path;

use atlas_uploader::packer::plugin::install::plugin_folder;
use atlas_uploader::{Cause, Error, Phase};

use super::{last_lines, missing, packer, plugin, supported, version};
use crate::cli::output::console::Console;

/// The template lacks the required settings, so the plugin never contacts a server.
const TEMPLATE: &str = r#"{
  "builders": [{"type": "null", "communicator": "none"}],
  "post-processors": [{"type": "atlas"}]
}"#;
/// The error of an `atlas` post-processor, this program's or another, for that template.
const REFUSAL: &str = "artifact must be set";

pub(in crate::cli) async fn run(console: &Console) -> Result<(), Error> {
    let version = version().await?;
    console.out(&format!("Packer {version}"))?;
    supported(version)?;
    let failed =
        |error: std::io::Error| Error::new(Phase::Install, Cause::Internal(error.to_string()));
    let folder = tempfile::tempdir().map_err(failed)?;
    let template = folder.path().join("template.json");
    tokio::fs::write(&template, TEMPLATE)
        .await
        .map_err(failed)?;
    match seen(&template).await? {
        Seen::Ours(program) => {
            console.out(&format!("Packer finds the post-processor atlas: {program}"))
        }
        Seen::Another => Err(missing(
            "Packer has a post-processor atlas that is not this program",
        )),
        Seen::Nothing(words) => {
            let folder = plugin_folder(version, |name| std::env::var_os(name));
            let folder =
                folder.map_or_else(String::new, |path| format!(" into {}", path.display()));
            let advice = format!("to install the plugin{folder}, run: atlas-upload packer install");
            let reason =
                format!("Packer cannot use a post-processor atlas; its last lines are:\n{words}");
            Err(missing(&reason).with_hint(advice))
        }
    }
}

enum Seen {
    /// Packer ran this program's plugin, at this path.
    Ours(String),
    Another,
    /// Packer could not use a post-processor `atlas`; these are its last lines.
    Nothing(String),
}

async fn seen(template: &Path) -> Result<Seen, Error> {
    let template = template.to_string_lossy();
    let output = packer(&["validate", &template], true).await?;
    let heard = [output.stdout, output.stderr].concat();
    let heard = String::from_utf8_lossy(&heard);
    let program = heard.split_once(plugin::STARTED);
    let program = program.and_then(|(_, program)| program.lines().next());
    Ok(match (program, heard.contains(REFUSAL)) {
        (Some(program), true) => Seen::Ours(program.trim().to_owned()),
        (None, true) => Seen::Another,
        // A run without the log, in which Packer's error would be lost.
        (_, false) => Seen::Nothing(last_lines(&packer(&["validate", &template], false).await?)),
    })
}
