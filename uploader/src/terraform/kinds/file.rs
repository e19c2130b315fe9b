//! Downloads the file of a version, and checks it: the data source `atlas_file`.

use std::path::Path;

use super::super::atlas::Atlas;
use super::super::object::Object;
use super::super::problem::Problem;
use super::super::schema::{Attribute, Kind, Schema};
use super::super::value::Value;
use super::artifact::{self, NAME, TYPE};
use crate::base::error::Phase;
use crate::pull::{Pull, pull_unless_there};

/// The attributes of the data source.
pub(super) const SCHEMA: Schema = Schema {
    description: "The file of a version, which is downloaded and checked each time it is not there.",
    attributes: &[
        NAME,
        TYPE,
        Attribute::optional(
            "version",
            Kind::Text,
            "A number, latest: the newest version that has a file, or the name of a channel where the server has channels; latest unless given.",
        ),
        Attribute::required("path", "The path to write the file to; it is replaced."),
        Attribute::computed("id", Kind::Text, "USER/NAME/TYPE/VERSION."),
        Attribute::computed("slug", Kind::Text, "USER/NAME/TYPE/VERSION."),
        Attribute::computed("version_real", Kind::Text, "The version's number."),
        Attribute::computed("bytes", Kind::Text, "The size in bytes."),
        Attribute::computed(
            "digest",
            Kind::Text,
            "The digest of the bytes, such as blake3:….",
        ),
        Attribute::computed(
            "verified",
            Kind::Truth,
            "Whether there was a digest to compare with: that of the push, or the server's.",
        ),
    ],
};

/// Downloads the file.
pub(super) async fn read(atlas: &Atlas, mut config: Object) -> Result<Object, Problem> {
    let (name, kind) = (
        artifact::artifact_name(&config)?,
        artifact::artifact_type(&config)?,
    );
    let version = match config.text("version") {
        None | Some("latest") => None,
        Some(text) => match text.parse() {
            Ok(number) => Some(number),
            Err(_) => Some(artifact::number_at(atlas, (&name, &kind), text).await?),
        },
    };
    let request = Pull {
        name,
        artifact_type: kind,
        version,
    };
    let path = config.text("path").unwrap_or_default().to_owned();
    let pulled = pull_unless_there(atlas.client()?, &request, Path::new(&path)).await;
    let pulled = pulled.map_err(|error| match (error.cause().request(), error.phase()) {
        (Some(_), _) => {
            let summary = format!("Error downloading from artifact '{}'", request.name);
            atlas.problem(&summary, &error)
        }
        (None, Phase::Save) => Problem::of(&error).at("path"),
        (None, _) => Problem::of(&error).at("name"),
    })?;
    config.set("id", pulled.slug.as_str());
    config.set("slug", pulled.slug);
    config.set("version_real", pulled.version.to_string());
    config.set("bytes", pulled.bytes.to_string());
    config.set("digest", pulled.digest.to_string());
    config.set("verified", Value::Truth(pulled.verified));
    Ok(config)
}
