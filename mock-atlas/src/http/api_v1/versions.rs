//! Versions: creates the next one, and searches among them.

use std::num::NonZeroU64;

use axum::extract::State;
use axum::response::Response;
use tokio::task::yield_now;

use super::upload;
use crate::domain::{Caller, Limits, Page};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Authenticated, Origin, Params, SearchQuery, TypePath};
use crate::http::json::{LongReply, new_version_reply, search_reply};
use crate::http::state::AppState;
use crate::service::Dataset;
use crate::storage::NewVersion;

/// The first page of a search. Each is looked for and written in about a millisecond.
const FIRST: Page = Page::first(500, 10_000);

/// `POST /artifacts/:username/:name/:type`.
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
    dataset.check_write(&account, &artifact)?;
    let new = new_version(&params, state.limits())?;
    let has_file = new.file;
    let version = dataset
        .catalog()
        .create_version(&artifact, &artifact_type, new)?;
    context.set_version(&artifact, &artifact_type, version.number, has_file);
    let upload_path = origin.at(&upload::path(version.upload));
    Ok(new_version_reply(
        &artifact,
        &artifact_type,
        &version,
        &upload_path,
    ))
}

/// `GET /artifacts/:username/:name/:type/search`.
pub(crate) async fn search(
    State(state): State<AppState>,
    dataset: Dataset,
    caller: Caller,
    TypePath {
        artifact,
        artifact_type,
    }: TypePath,
    SearchQuery(query): SearchQuery,
) -> Result<Response, ApiError> {
    dataset.check_read(&caller, &artifact)?;
    let page = |page| {
        dataset
            .catalog()
            .search(&artifact, &artifact_type, &query, page)
    };
    let mut found = page(FIRST)?;
    if found.next.is_none() {
        let (replies, versions) = (state.replies(), &found.versions);
        return Ok(search_reply(replies, &artifact, &artifact_type, versions));
    }
    let mut reply = LongReply::new(&artifact, &artifact_type);
    reply.add(&found.versions);
    while let Some(next) = found.next {
        // Others have their turn.
        yield_now().await;
        found = page(next)?;
        reply.add(&found.versions);
    }
    Ok(reply.end())
}

// Contract: versions.request, versions.zero-is-none, versions.nine-regions, silent.no-id
fn new_version(params: &Params, limits: Limits) -> Result<NewVersion, ApiError> {
    let section = params.section("artifact_version")?;
    // The Go client always sends an id, but an empty one if its caller has none.
    let id = section.text("id")?.unwrap_or_default();
    limits.check_id(id)?;
    // Nothing tells a client its compile id again, so it is checked and not kept.
    section.integer("compile_id")?;
    Ok(NewVersion {
        id: id.into(),
        metadata: section.metadata("metadata")?,
        build: section.integer("build_id")?.and_then(NonZeroU64::new),
        file: section.boolean("file")?.unwrap_or(false),
    })
}
