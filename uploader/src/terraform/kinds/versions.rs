//! Lists all versions of an artifact that match: the data source `atlas_artifact_versions`.

use std::collections::BTreeMap;

use super::super::atlas::Atlas;
use super::super::object::Object;
use super::super::problem::Problem;
use super::super::schema::{Attribute, Kind, Schema};
use super::super::value::Value;
use super::artifact::{self, BUILD, METADATA, METADATA_KEYS, NAME, TYPE};
use crate::api::SearchQuery;
use crate::show::tfvars;

/// The attributes of the data source.
pub(super) const SCHEMA: Schema = Schema {
    description: "All versions of an artifact that match.",
    attributes: &[
        NAME,
        TYPE,
        BUILD,
        METADATA_KEYS,
        METADATA,
        Attribute::computed("id", Kind::Text, "USER/NAME/TYPE."),
        Attribute::computed(
            "versions",
            Kind::Objects(&[
                ("file_url", Kind::Text),
                ("id", Kind::Text),
                ("metadata_full", Kind::TextMap),
                ("slug", Kind::Text),
                ("version", Kind::Text),
            ]),
            "The versions, newest first; there may be none.",
        ),
    ],
};

/// Lists the versions.
pub(super) async fn read(atlas: &Atlas, mut config: Object) -> Result<Object, Problem> {
    let (name, kind) = (
        artifact::artifact_name(&config)?,
        artifact::artifact_type(&config)?,
    );
    let client = atlas.client()?;
    let query = SearchQuery {
        version: None,
        build: config.text("build").map(str::to_owned),
        metadata: artifact::wanted(&config),
    };
    let found = client
        .search(&name, &kind, &query)
        .await
        .map_err(|error| atlas.problem(&artifact::searching(&name), &error))?;
    let shown = found.iter().map(|version| {
        let url = client.file_url(&name, &kind, version.version);
        let fields = [
            ("file_url", tfvars::shown_url(version, &url).into()),
            ("id", tfvars::id(version).into()),
            ("metadata_full", artifact::metadata_full(version)),
            ("slug", version.slug.as_str().into()),
            ("version", version.version.to_string().into()),
        ];
        let fields = fields
            .into_iter()
            .map(|(field, value)| (field.to_owned(), value));
        Value::Map(BTreeMap::from_iter(fields))
    });
    let shown = Value::List(shown.collect());
    config.set("versions", shown);
    config.set("id", format!("{name}/{kind}"));
    Ok(config)
}
