//! `mock-atlas move` copies everything from one place for data to another.

use clap::Args;
use mock_atlas::{Builder, MockAtlas, Moved};
use serde_json::json;

use super::check::Progress;
use super::print::print;
use super::{EmulatorArguments, given};

/// The two places of a move.
#[derive(Debug, Args)]
pub(super) struct Places {
    /// The place that has everything: a folder, as for --data, or the URL of a database, as for --database. Set the
    /// variable instead where others see the arguments of processes
    #[arg(
        long,
        value_name = "FOLDER|URL",
        env = "MOCK_ATLAS_FROM",
        hide_env_values = true
    )]
    from: String,

    /// The place for the bytes of files, as for --blobs, if they are not in the folder of --from
    #[arg(long, value_name = "URL", env = "MOCK_ATLAS_FROM_BLOBS")]
    from_blobs: Option<String>,

    /// The place that gets everything, which no server has used
    #[arg(
        long,
        value_name = "FOLDER|URL",
        env = "MOCK_ATLAS_TO",
        hide_env_values = true
    )]
    to: String,

    /// The place for the bytes of files, if they do not go to the folder of --to
    #[arg(long, value_name = "URL", env = "MOCK_ATLAS_TO_BLOBS")]
    to_blobs: Option<String>,
}

pub(super) async fn run(places: &Places, arguments: &EmulatorArguments) -> Result<(), String> {
    let from = place(&places.from, places.from_blobs.as_ref(), "--from-blobs")?;
    let to = place(&places.to, places.to_blobs.as_ref(), "--to-blobs")?;
    let progress = Progress::new();
    let moved = from.move_to(to, |now| progress.show(now)).await;
    progress.clear();
    let Moved {
        users,
        organizations,
        artifacts,
        boxes,
        versions,
        files,
        bytes,
        ..
    } = moved.map_err(|error| error.to_string())?;
    let report = json!({
        "users": users,
        "organizations": organizations,
        "artifacts": artifacts,
        "boxes": boxes,
        "versions": versions,
        "files": files,
        "bytes": bytes,
    });
    print(arguments.output, &report, |_| {
        format!(
            "moved {users} users, {organizations} organizations, {artifacts} artifacts, {boxes} boxes, \
             {versions} versions and {files} files of {bytes} bytes: both places have the same"
        )
    })
}

/// Returns a builder with a place for data.
fn place(place: &str, blobs: Option<&String>, flag: &str) -> Result<Builder, String> {
    let schemes = ["postgres://", "postgresql://"];
    let is_database = schemes.iter().any(|scheme| place.starts_with(scheme));
    let builder = MockAtlas::builder();
    let builder = match (is_database, blobs) {
        (true, None) => {
            let told = "a database holds no bytes of files: name the place for them with";
            return Err(format!(
                "{told} {flag}, such as {flag} file:///shared/atlas"
            ));
        }
        (true, Some(_)) => builder.database(place),
        (false, _) if place.is_empty() || place.contains("://") => {
            return Err(
                "a place for data is a folder, or a URL that begins with postgres://".to_owned(),
            );
        }
        (false, _) => builder.data(place),
    };
    Ok(given(builder, blobs.cloned(), Builder::blobs))
}
