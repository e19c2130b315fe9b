//! Runs `atlas-upload show`, which prints the latest version of each type.

use atlas_uploader::Error;
use atlas_uploader::api::wire::Version;
use atlas_uploader::show::{latest_versions, recommended_types};

use crate::cli::app::App;
use crate::cli::args::{OutputFormat, ShowArgs};
use crate::cli::output::table::table;

impl App<'_> {
    pub(in crate::cli) async fn show(&self, args: ShowArgs) -> Result<(), Error> {
        let named = !args.types.is_empty();
        let types = if named {
            args.types
        } else {
            recommended_types()
        };
        let found = latest_versions(&self.client, &args.name, &types).await?;
        if found.is_empty() && self.output == OutputFormat::Text {
            let name = &args.name;
            self.console.say(&if named {
                format!("{name} has no version of this type.")
            } else {
                format!("{name} has no version of a usual type; name another type with --type.")
            });
            return Ok(());
        }
        self.answer(&text(&found), &found)
    }
}

/// Formats an overview of the versions, and then their metadata with one key per line.
fn text(versions: &[Version]) -> String {
    let overview: Vec<_> = versions.iter().map(row).collect();
    let mut text = table(["TYPE", "VERSION", "FILE", "ID"], &overview);
    let metadata: Vec<_> = versions.iter().flat_map(metadata_rows).collect();
    if !metadata.is_empty() {
        text += "\n\n";
        text += &table(["TYPE", "METADATA", "VALUE"], &metadata);
    }
    text
}

fn row(version: &Version) -> [String; 4] {
    [
        version.artifact_type.clone(),
        version.version.to_string(),
        if version.file { "yes" } else { "no" }.to_owned(),
        version.id.clone().unwrap_or_default(),
    ]
}

fn metadata_rows(version: &Version) -> impl Iterator<Item = [String; 3]> {
    let entries = version.metadata.0.iter();
    entries.map(|(key, value)| [version.artifact_type.clone(), key.clone(), value.clone()])
}
