//! Pushes a version of an artifact: the resource `atlas_artifact_version`.
//!
//! A version never changes, so every change makes a new one. Atlas has no call that removes a version: what is
//! destroyed is only forgotten.

use std::path::PathBuf;

use uuid::Uuid;

use super::super::atlas::Atlas;
use super::super::object::Object;
use super::super::plan::Plan;
use super::super::problem::Problem;
use super::super::schema::{Attribute, Kind, Schema};
use super::artifact::{self, NAME, TYPE};
use crate::api::SearchQuery;
use crate::api::wire::Version;
use crate::base::error::{Error, Phase};
use crate::push::pack::{self, Level, Options};
use crate::push::{Push, push};

/// The attributes of the resource.
pub(super) const SCHEMA: Schema = Schema {
    description: "A version of an artifact, pushed with a file or with an id alone. A latest version that is identical is taken as it is.",
    attributes: &[
        NAME,
        TYPE,
        Attribute::optional(
            "file",
            Kind::Text,
            "The path of a file or of a folder; packed as Packer did.",
        ),
        Attribute::optional(
            "artifact_id",
            Kind::Text,
            "The version's id, such as us-east-1:ami-1; the name of the file unless given.",
        ),
        Attribute::optional("metadata", Kind::TextMap, "The metadata."),
        Attribute::computed("id", Kind::Text, "USER/NAME/TYPE/VERSION."),
        Attribute::computed("slug", Kind::Text, "USER/NAME/TYPE/VERSION."),
        Attribute::computed("version", Kind::Text, "The version's number."),
        Attribute::computed(
            "file_url",
            Kind::Text,
            "The address of the version's file; empty without a file.",
        ),
        Attribute::computed(
            "digest",
            Kind::Text,
            "The digest of the bytes that were sent; empty without a file.",
        ),
    ],
};

/// Checks the name and the type, and that there is something to push.
pub(super) fn validate(config: &Object) -> Vec<Problem> {
    let mut problems = artifact::validate(config);
    if config.get("file").is_empty() && config.get("artifact_id").is_empty() {
        let nothing = Problem::new("Nothing to push: set file, artifact_id, or both");
        problems.push(nothing.at("file"));
    }
    problems
}

/// Compares the file with what was pushed: another content needs a new version, another path of the same content does
/// not.
pub(super) async fn complete(prior: Option<Object>, mut plan: Plan) -> Result<Plan, Problem> {
    let (Some(planned), Some(prior)) = (&plan.state, prior) else {
        return Ok(plan);
    };
    if !planned.has_known_inputs(&SCHEMA) {
        return Ok(plan);
    }
    let request = request(planned)?;
    let Some(path) = request.paths.first() else {
        return Ok(plan);
    };
    if !path.exists() {
        let warning = Problem::warning("The file of a version that was pushed is not there");
        let detail = format!("{} is not compared; the version stays.", path.display());
        plan.warnings.push(warning.with_detail(detail).at("file"));
        return Ok(plan);
    }
    let digest = request.digest().await.map_err(|error| failed(&error))?;
    let digest = digest.map(|digest| digest.to_string()).unwrap_or_default();
    if prior.text("digest") != Some(digest.as_str()) {
        plan.replace(&SCHEMA, "digest");
    } else if request.id.is_some() || default_id(&prior) == pack::default_id(&request.paths) {
        plan.keep(&SCHEMA, "file", &prior);
    }
    Ok(plan)
}

/// Returns the id that the file's name gave the version.
fn default_id(state: &Object) -> Option<String> {
    let path = state.text("file").map(PathBuf::from);
    path.and_then(|path| pack::default_id(&[path]))
}

/// Pushes the version.
pub(super) async fn create(atlas: &Atlas, mut planned: Object) -> Result<Object, Problem> {
    let client = atlas.writer()?;
    let request = request(&planned)?;
    let pushed = push(client, &request).await;
    let pushed = pushed.map_err(|error| match error.cause().request() {
        Some(_) => {
            let summary = format!("Error pushing to '{}': {}", request.name, error.phase());
            atlas.problem(&summary, &error)
        }
        None => failed(&error),
    })?;
    let url = client.file_url(&request.name, &request.artifact_type, pushed.version);
    let has_file = !request.paths.is_empty();
    planned.set("id", pushed.slug.as_str());
    planned.set("slug", pushed.slug);
    planned.set("version", pushed.version.to_string());
    planned.set("file_url", if has_file { url.as_str() } else { "" });
    planned.set("digest", pushed.digest.unwrap_or_default());
    Ok(planned)
}

/// Looks for the version, whose file may have moved with the server; `None` if the server has it no more.
pub(super) async fn refresh(atlas: &Atlas, mut state: Object) -> Result<Option<Object>, Problem> {
    let number = state.text("version").unwrap_or_default().to_owned();
    let found = match search(atlas, &state, &number).await {
        Ok(found) => found,
        // Hidden, or removed with its artifact; without a token, nobody knows, and that is an error.
        Err(problem) if problem.is_missing() => return Ok(None),
        Err(problem) => return Err(problem),
    };
    let found = found
        .iter()
        .find(|version| version.version.to_string() == number);
    let Some(found) = found else {
        return Ok(None);
    };
    state.set("file_url", artifact::file_url(atlas, &state, found)?);
    Ok(Some(state))
}

/// Returns the warning that the version stays on the server.
pub(super) fn forget() -> Vec<Problem> {
    let warning = Problem::warning("The version stays on the server");
    vec![warning.with_detail(
        "Atlas has no call that removes a version: Terraform forgets it, and the server keeps it.",
    )]
}

async fn search(atlas: &Atlas, state: &Object, version: &str) -> Result<Vec<Version>, Problem> {
    let (name, kind) = (
        artifact::artifact_name(state)?,
        artifact::artifact_type(state)?,
    );
    let query = SearchQuery {
        version: Some(version.to_owned()),
        ..SearchQuery::default()
    };
    let found = atlas.client()?.search(&name, &kind, &query).await;
    found.map_err(|error| atlas.problem(&artifact::searching(&name), &error))
}

/// Returns the push. The same content gives the same bytes, so that it is made once.
fn request(planned: &Object) -> Result<Push, Problem> {
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let artifact_type = artifact::artifact_type(planned)?;
    Ok(Push {
        name: artifact::artifact_name(planned)?,
        id: planned.text("artifact_id").map(str::to_owned),
        paths: planned
            .text("file")
            .map(PathBuf::from)
            .into_iter()
            .collect(),
        packing: Options {
            reproducible: true,
            // Another build of the program must not take the same content for a new one.
            level: Level::PORTABLE,
            keep_tar: artifact_type.is_vagrant_box(),
            ..Options::default()
        },
        artifact_type,
        metadata: planned.map("metadata").into_iter().map(owned).collect(),
        build_id: 0,
        compile_id: 0,
        idempotency_key: Some(Uuid::new_v4().to_string()),
        skip_existing: true,
        verify: false,
    })
}

fn failed(error: &Error) -> Problem {
    let problem = Problem::of(error);
    match error.phase() {
        Phase::Pack => problem.at("file"),
        _ => problem,
    }
}
