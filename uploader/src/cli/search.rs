//! `atlas-upload search`.

use atlas_uploader::Error;
use atlas_uploader::client::SearchQuery;
use atlas_uploader::wire::Version;

use super::App;
use super::args::{OutputFormat, SearchArgs};

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
        self.answer(&table(&found), &found)
    }
}

/// Columns as wide as their widest cell; the last one is free.
fn table(versions: &[Version]) -> String {
    let header = ["VERSION", "FILE", "ID", "METADATA"].map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(header)
        .chain(versions.iter().map(row))
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let (version, file, id) = (width(0), width(1), width(2));
    let lines = rows.iter().map(|[a, b, c, d]| {
        let line = format!("{a:<version$}  {b:<file$}  {c:<id$}  {d}");
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
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
    // What others wrote must not move the cursor.
    [version.version.to_string(), file.to_owned(), id, metadata]
        .map(|cell| cell.replace(char::is_control, " "))
}
