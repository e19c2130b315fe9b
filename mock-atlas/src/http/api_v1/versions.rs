//! Creates versions and searches among them.

use std::num::NonZeroU64;

use axum::extract::State;
use axum::response::Response;

use crate::domain::{Caller, FileState, Limits, NewVersion};
use crate::endpoint::upload_path;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Authenticated, Origin, Params, SearchQuery, TypePath};
use crate::http::json::{LongReply, new_version_reply, search_reply};
use crate::http::state::AppState;
use crate::service::{Dataset, channels, versions};

/// Handles `POST /artifacts/:username/:name/:type`.
// Contract: versions.upload-always
pub(crate) async fn create(
    State(state): State<AppState>,
    dataset: Dataset,
    Authenticated(account): Authenticated,
    TypePath {
        artifact,
        artifact_type,
    }: TypePath,
    origin: Origin,
    context: RequestContext,
    params: Params,
) -> Result<Response, ApiError> {
    let new = || new_version(&params, state.limits());
    let version = versions::create(&dataset, &account, &artifact, &artifact_type, new).await?;
    let announces_file = version.file == FileState::Awaited;
    let slug = artifact.slug(&artifact_type, version.number);
    context.set_version(slug, announces_file);
    let upload_path = origin.at(&upload_path(version.upload));
    Ok(new_version_reply(
        &artifact,
        &artifact_type,
        &version,
        &upload_path,
    ))
}

/// Handles `GET /artifacts/:username/:name/:type/search`.
pub(crate) async fn search(
    State(state): State<AppState>,
    dataset: Dataset,
    caller: Caller,
    TypePath {
        artifact,
        artifact_type,
    }: TypePath,
    SearchQuery { mut query, channel }: SearchQuery,
) -> Result<Response, ApiError> {
    if let Some(channel) = channel {
        let of = (&artifact, &artifact_type);
        query.select = channels::select(&dataset, &caller, of, channel).await?;
    }
    let (found, remaining) =
        versions::search(&dataset, &caller, &artifact, &artifact_type, &query).await?;
    let Some(mut remaining) = remaining else {
        let id = dataset.id();
        return Ok(search_reply(
            state.replies(),
            id,
            &artifact,
            &artifact_type,
            &found,
        ));
    };
    let mut reply = LongReply::new(&artifact, &artifact_type);
    reply.add(&found);
    while let Some(found) = remaining.next().await? {
        reply.add(&found);
    }
    Ok(reply.end())
}

/// Parses a new version from the parameters of a request.
// Contract: versions.request, versions.zero-is-none, versions.nine-regions, silent.no-id
fn new_version(params: &Params, limits: Limits) -> Result<NewVersion, ApiError> {
    let section = params.section("artifact_version")?;
    // The Go client always sends an id, which is empty if its caller has none.
    let id = section.text("id")?.unwrap_or_default();
    limits.check_id(id)?;
    // No reply contains the compile id, so it is checked and not stored.
    section.integer("compile_id")?;
    Ok(NewVersion {
        id: id.into(),
        metadata: section.metadata("metadata")?,
        build: section.integer("build_id")?.and_then(NonZeroU64::new),
        file: section.boolean("file")?.unwrap_or(false),
    })
}
