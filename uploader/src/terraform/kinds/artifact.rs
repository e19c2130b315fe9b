//! Finds one version of an artifact: the data source and the resource `atlas_artifact`.
//!
//! Evidence: the old provider's schema and messages. Its `version` wins over `build`, and stands for `latest` where
//! neither is given.

use std::collections::BTreeMap;

use super::super::atlas::Atlas;
use super::super::object::Object;
use super::super::plan::Plan;
use super::super::problem::Problem;
use super::super::schema::{Attribute, Kind, Schema};
use super::super::value::Value;
use crate::api::SearchQuery;
use crate::api::wire::Version;
use crate::base::error::Cause;
use crate::base::slug::{ArtifactName, ArtifactType, SlugError};
use crate::pull::version_at;
use crate::show::tfvars;

/// The attributes of the data source and of the resource.
pub(super) const SCHEMA: Schema = Schema {
    description: "One version of an artifact that is there already.",
    attributes: &[
        NAME,
        TYPE,
        BUILD,
        Attribute::optional(
            "version",
            Kind::Text,
            "A number, latest, any, or the name of a channel where the server has channels; latest unless build is given.",
        ),
        METADATA_KEYS,
        METADATA,
        Attribute::computed(
            "id",
            Kind::Text,
            "The version's id, such as us-east-1:ami-1.",
        ),
        Attribute::computed(
            "file_url",
            Kind::Text,
            "The address of the version's file; empty without a file.",
        ),
        Attribute::computed(
            "metadata_full",
            Kind::TextMap,
            "The metadata, with - for each character of a key other than letters, digits, _ and -.",
        ),
        Attribute::computed("slug", Kind::Text, "USER/NAME/TYPE/VERSION."),
        Attribute::computed("version_real", Kind::Text, "The version's number."),
    ],
};

pub(super) const NAME: Attribute = Attribute::required("name", "USER/NAME of the artifact.");
pub(super) const TYPE: Attribute = Attribute::required("type", "The type, such as amazon.image.");
pub(super) const BUILD: Attribute = Attribute::optional(
    "build",
    Kind::Text,
    "The number of a build, latest or any; version wins over it.",
);
pub(super) const METADATA_KEYS: Attribute = Attribute::optional(
    "metadata_keys",
    Kind::TextSet,
    "The metadata keys that a version must have.",
);
pub(super) const METADATA: Attribute = Attribute::optional(
    "metadata",
    Kind::TextMap,
    "The metadata that a version must have.",
);

/// Checks the name and the type.
pub(super) fn validate(config: &Object) -> Vec<Problem> {
    let known = |name| matches!(config.get(name), Value::Text(_));
    let name = known("name").then(|| artifact_name(config).err());
    let kind = known("type").then(|| artifact_type(config).err());
    name.into_iter().chain(kind).flatten().collect()
}

/// Finds the version, and returns the attributes with those that the server gives.
pub(super) async fn find(atlas: &Atlas, config: Object) -> Result<Object, Problem> {
    let found = search(atlas, &config).await?;
    only(atlas, config, &found)
}

/// Returns the attributes with those of the only version that was found.
fn only(atlas: &Atlas, config: Object, found: &[Version]) -> Result<Object, Problem> {
    let name = artifact_name(&config)?;
    let version = tfvars::only(found, &name)
        .map_err(|error| Problem::new(error.cause().to_string()).at("name"))?;
    filled(atlas, config, version)
}

/// Finds the version anew. One that no longer matches is gone, and so is one whose artifact or channel is.
pub(super) async fn refresh(atlas: &Atlas, state: Object) -> Result<Option<Object>, Problem> {
    match search(atlas, &state).await {
        Ok(found) if found.is_empty() => Ok(None),
        Ok(found) => only(atlas, state, &found).map(Some),
        Err(problem) if problem.is_missing() => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Finds the version for a plan that needs one, so that a mistake shows before apply. What is found stays unknown: by
/// then there may be a newer one.
pub(super) async fn rehearse(atlas: &Atlas, plan: Plan) -> Result<Plan, Problem> {
    let Some(planned) = &plan.state else {
        return Ok(plan);
    };
    let is_new = *planned.get("slug") == Value::Unknown;
    if is_new && planned.has_known_inputs(&SCHEMA) {
        find(atlas, planned.clone()).await?;
    }
    Ok(plan)
}

/// Returns the versions that match.
async fn search(atlas: &Atlas, config: &Object) -> Result<Vec<Version>, Problem> {
    let (name, kind) = (artifact_name(config)?, artifact_type(config)?);
    let client = atlas.client()?;
    let version = match (config.text("version"), config.text("build")) {
        (None, None) => Some("latest".to_owned()),
        (Some(text), _) if is_plain(text) => Some(text.to_owned()),
        (Some(channel), _) => Some(number_at(atlas, (&name, &kind), channel).await?.to_string()),
        (None, Some(_)) => None,
    };
    let build = config.text("build").filter(|_| version.is_none());
    let query = SearchQuery {
        version,
        build: build.map(str::to_owned),
        metadata: wanted(config),
    };
    let found = client.search(&name, &kind, &query).await;
    found.map_err(|error| atlas.problem(&searching(&name), &error))
}

/// Returns the number of the version that a channel points at.
pub(super) async fn number_at(
    atlas: &Atlas,
    (name, kind): (&ArtifactName, &ArtifactType),
    channel: &str,
) -> Result<u64, Problem> {
    let found = version_at(atlas.client()?, name, kind, channel).await;
    found.map_err(|error| match error.cause() {
        Cause::Missing(reason) => Problem::new(format!("No matching artifact for '{name}'"))
            .with_detail(reason)
            .at("version")
            .missing(),
        _ => atlas.problem(&searching(name), &error),
    })
}

/// Returns the beginning of the message about a search that failed.
pub(super) fn searching(name: &ArtifactName) -> String {
    format!("Error searching for artifact '{name}'")
}

/// Returns whether every Atlas knows this version: a number, `latest` or `any`.
fn is_plain(version: &str) -> bool {
    matches!(version, "latest" | "any") || version.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the metadata to search for. A key with a value wins over the key alone.
pub(super) fn wanted(config: &Object) -> Vec<(String, Option<String>)> {
    let keys = config.texts("metadata_keys").into_iter();
    let mut wanted: BTreeMap<_, _> = keys.map(|key| (key, None)).collect();
    let pairs = config.map("metadata").into_iter();
    wanted.extend(pairs.map(|(key, value)| (key, Some(value))));
    let owned = |(key, value): (&str, Option<&str>)| (key.to_owned(), value.map(str::to_owned));
    wanted.into_iter().map(owned).collect()
}

pub(super) fn artifact_name(config: &Object) -> Result<ArtifactName, Problem> {
    let text = config.text("name").unwrap_or_default();
    let name = text.parse();
    name.map_err(|reason: SlugError| Problem::new(reason.to_string()).at("name"))
}

pub(super) fn artifact_type(config: &Object) -> Result<ArtifactType, Problem> {
    let text = config.text("type").unwrap_or_default();
    let kind = text.parse();
    kind.map_err(|reason: SlugError| Problem::new(reason.to_string()).at("type"))
}

fn filled(atlas: &Atlas, mut config: Object, version: &Version) -> Result<Object, Problem> {
    config.set("id", tfvars::id(version));
    config.set("file_url", file_url(atlas, &config, version)?);
    config.set("metadata_full", metadata_full(version));
    config.set("slug", version.slug.as_str());
    config.set("version_real", version.version.to_string());
    Ok(config)
}

/// Returns the address of the version's file; empty without a file.
pub(super) fn file_url(
    atlas: &Atlas,
    config: &Object,
    version: &Version,
) -> Result<String, Problem> {
    let (name, kind) = (artifact_name(config)?, artifact_type(config)?);
    let url = atlas.client()?.file_url(&name, &kind, version.version);
    Ok(tfvars::shown_url(version, &url).to_owned())
}

/// Returns the metadata as Terraform shows it.
pub(super) fn metadata_full(version: &Version) -> Value {
    let pairs = tfvars::metadata_full(&version.metadata);
    Value::Map(pairs.map(|(key, text)| (key, text.into())).collect())
}
