//! Runs `atlas-upload search`, which lists the versions that match.

use atlas_uploader::Error;
use atlas_uploader::api::SearchQuery;
use atlas_uploader::api::wire::Version;
use atlas_uploader::show::tfvars::{self, VariableName};

use crate::cli::app::{App, json};
use crate::cli::args::{ArtifactArgs, OutputFormat, SearchArgs};
use crate::cli::output::table::table;

impl App<'_> {
    pub(in crate::cli) async fn search(&self, args: SearchArgs) -> Result<(), Error> {
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
        if self.output == OutputFormat::Tfvars {
            return self.tell_terraform(artifact, &args.variable.unwrap_or_default(), &found);
        }
        if found.is_empty() && self.output == OutputFormat::Text {
            self.console.say("No version matches.");
            return Ok(());
        }
        let rows: Vec<_> = found.iter().map(row).collect();
        let text = table(["VERSION", "FILE", "ID", "METADATA"], &rows);
        self.answer(&text, &found)
    }

    fn tell_terraform(
        &self,
        artifact: &ArtifactArgs,
        variable: &VariableName,
        found: &[Version],
    ) -> Result<(), Error> {
        let version = tfvars::only(found, &artifact.name)?;
        let ArtifactArgs {
            name,
            artifact_type,
        } = artifact;
        let url = self.client.file_url(name, artifact_type, version.version);
        self.console
            .out(&json(&tfvars::document(variable, version, &url))?)
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
