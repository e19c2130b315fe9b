//! Versions: making the next one, and searching among them.

use std::num::NonZeroU64;

use axum::extract::State;
use axum::response::Response;
use tokio::task::yield_now;

use super::upload;
use crate::access::Caller;
use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::extract::{Member, Origin, Params, SearchQuery, TypePath};
use crate::store::{Limits, NewVersion, Page};
use crate::wire::{LongReply, new_version_reply, search_reply};
use crate::witness::Notes;
use crate::world::World;

/// The first page of a search. Each is looked for and written in about a millisecond.
const FIRST: Page = Page::first(500, 10_000);

/// `POST /artifacts/:username/:name/:type`.
pub(crate) async fn create(
    State(atlas): State<Atlas>,
    world: World,
    Member(account): Member,
    TypePath {
        artifact,
        artifact_type,
    }: TypePath,
    origin: Origin,
    notes: Notes,
    params: Params,
) -> Result<Response, ApiError> {
    world.check_write(&account, &artifact)?;
    let new = new_version(&params, atlas.limits())?;
    let has_file = new.file;
    let version = world
        .store()
        .create_version(&artifact, &artifact_type, new)?;
    notes.is_of(&artifact, &artifact_type, version.number, has_file);
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
    State(atlas): State<Atlas>,
    world: World,
    caller: Caller,
    TypePath {
        artifact,
        artifact_type,
    }: TypePath,
    SearchQuery(query): SearchQuery,
) -> Result<Response, ApiError> {
    world.check_read(&caller, &artifact)?;
    let page = |page| {
        world
            .store()
            .search(&artifact, &artifact_type, &query, page)
    };
    let mut found = page(FIRST)?;
    if found.next.is_none() {
        let (replies, versions) = (atlas.replies(), &found.versions);
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
