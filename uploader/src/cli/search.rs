//! `atlas-upload search`.

use atlas_uploader::Error;
use atlas_uploader::client::SearchQuery;
use atlas_uploader::wire::Version;

use super::App;
use super::args::{OutputFormat, SearchArgs};
use super::table::table;

impl App<'_> {
    pub(super) async fn search(&self, args: SearchArgs) -> Result<(), Error> {
        let query = SearchQuery {
            version: args.version,
            build: args.build,
            metadata: args.metadata,
        };
        let artifact = &args.artifact;
        let found = self
            .client
            .search(&artifact.name, &artifact.artifact_type, &query)
            .await?;
        if found.is_empty() && self.output == OutputFormat::Text {
            self.console.say("No version matches.");
            return Ok(());
        }
        let rows: Vec<_> = found.iter().map(row).collect();
        let text = table(["VERSION", "FILE", "ID", "METADATA"], &rows);
        self.answer(&text, &found)
    }
}

fn row(version: &Version) -> [String; 4] {
    let file = if version.file { "yes" } else { "no" };
    let metadata = version
        .metadata
        .0
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    let metadata = metadata.collect::<Vec<_>>().join(" ");
    let id = version.id.clone().unwrap_or_default();
    [version.version.to_string(), file.to_owned(), id, metadata]
}
