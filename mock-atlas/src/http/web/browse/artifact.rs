//! The page of one artifact: its types, a page of the versions of one, and its box.

use askama::Template;
use axum::response::Response;

use super::channels::{self, ChannelsView};
use super::lists::visibility;
use super::vagrant_box::BoxView;
use super::{FileView, ROWS, build, comparison, encoded, lines, vagrant_box, version};
use crate::domain::{ArtifactName, Name, Query, Visibility, timestamp};
use crate::http::error::ApiError;
use crate::http::extract::{ArtifactPath, Site};
use crate::http::web::form::Fields;
use crate::http::web::page::{Frame, PageError, render};
use crate::http::web::shown::Shown;
use crate::http::web::visitor::Visitor;
use crate::service::listing::{self, FoundArtifact, ListedVersion};
use crate::service::{Dataset, versions};

#[derive(Template)]
#[template(path = "artifact.html")]
struct ArtifactPage {
    frame: Frame,
    owner: String,
    name: String,
    visibility: &'static str,
    is_writable: bool,
    types: Vec<TypeTab>,
    versions: Option<VersionsView>,
    /// The versions and providers that await their files, for the root token.
    awaited: Vec<String>,
    vagrant_box: Option<BoxView>,
    first_command: String,
}

struct TypeTab {
    name: String,
    is_chosen: bool,
}

struct VersionsView {
    artifact_type: String,
    channels: ChannelsView,
    rows: Vec<VersionRow>,
    /// Whether the page is not the first.
    is_later: bool,
    next: Option<String>,
}

struct VersionRow {
    number: u64,
    link: String,
    created: String,
    build: String,
    id: Shown,
    keys: usize,
    file: Option<FileView>,
    /// Whether the row is chosen at first for a comparison.
    is_from: bool,
    is_to: bool,
}

/// A request for a page of an artifact, with the artifact that was found.
pub(super) struct Request<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) visitor: &'a Visitor,
    pub(super) site: &'a Site,
    pub(super) name: &'a ArtifactName,
    pub(super) found: &'a FoundArtifact,
    pub(super) query: &'a Fields,
}

/// Handles `GET /:username/:name` for browsers. The query `type` chooses a type, `version` one version of it, `from` and
/// `to` compare two, and `highest` and `box_page` turn pages.
pub(crate) async fn show(
    dataset: Dataset,
    visitor: Visitor,
    name: Result<ArtifactPath, ApiError>,
    site: Result<Site, ApiError>,
    query: Fields,
) -> Result<Response, PageError> {
    let ArtifactPath(name) = name.map_err(visitor.failed())?;
    let site = site.map_err(visitor.failed())?;
    let found = listing::artifact(&dataset, &visitor.caller, &name).await;
    let found = visitor.page(found)?;
    let request = Request {
        dataset: &dataset,
        visitor: &visitor,
        site: &site,
        name: &name,
        found: &found,
        query: &query,
    };
    let chosen = chosen_type(&request)?;
    let number = |field| query.given(field).map(|text| text.parse().unwrap_or(0));
    match (chosen, number("version"), number("from"), number("to")) {
        (Some(of), Some(number), ..) => version::show(&request, of, number).await,
        (Some(of), None, Some(from), Some(to)) => comparison::show(&request, of, (from, to)).await,
        (of, ..) => overview(&request, of).await,
    }
}

/// Returns the type that the query chooses; without a choice the first, and none if there is none.
fn chosen_type<'a>(request: &Request<'a>) -> Result<Option<&'a Name>, PageError> {
    let mut types = request.found.types.iter().map(|of| &of.artifact_type);
    match request.query.given("type") {
        None => Ok(types.next()),
        Some(wanted) => {
            let chosen = types.find(|of| of.as_str() == wanted);
            let missing = || request.visitor.failed()(ApiError::NotFound);
            chosen.map(Some).ok_or_else(missing)
        }
    }
}

async fn overview(request: &Request<'_>, chosen: Option<&Name>) -> Result<Response, PageError> {
    let Request {
        visitor,
        site,
        name,
        found,
        ..
    } = *request;
    let types = found.types.iter().map(|of| TypeTab {
        name: of.artifact_type.as_str().to_owned(),
        is_chosen: Some(&of.artifact_type) == chosen,
    });
    let versions = match chosen {
        Some(of) => Some(versions_of(request, of).await?),
        None => None,
    };
    Ok(render(&ArtifactPage {
        frame: Frame::new(name.to_string(), visitor),
        owner: name.username.as_str().to_owned(),
        name: name.name.as_str().to_owned(),
        visibility: visibility(found.visibility),
        is_writable: found.is_writable,
        types: types.collect(),
        versions,
        awaited: awaited(request).await?,
        vagrant_box: vagrant_box::view(request).await?,
        first_command: lines::first_push(site, &name.to_string(), "custom.image"),
    }))
}

async fn versions_of(request: &Request<'_>, of: &Name) -> Result<VersionsView, PageError> {
    let Request {
        dataset,
        visitor,
        name,
        query,
        ..
    } = *request;
    let highest = query.given("highest").and_then(|text| text.parse().ok());
    let (all, first) = (Query::default(), highest.unwrap_or(u64::MAX));
    let page = listing::versions(dataset, &visitor.caller, (name, of), &all, (first, ROWS)).await;
    let page = visitor.page(page)?;
    let address = format!("/{name}?type={}", encoded(of.as_str()));
    let rows = page.versions.iter().enumerate();
    let rows = rows.map(|(at, listed)| row(name, of, &address, (at, listed)));
    let channels = channels::view(request, of, &address).await?;
    Ok(VersionsView {
        artifact_type: of.as_str().to_owned(),
        channels,
        rows: rows.collect(),
        is_later: highest.is_some(),
        next: page.next.map(|next| format!("{address}&highest={next}")),
    })
}

fn row(
    name: &ArtifactName,
    of: &Name,
    address: &str,
    (at, listed): (usize, &ListedVersion),
) -> VersionRow {
    let version = &listed.version;
    VersionRow {
        number: version.number,
        link: format!("{address}&version={}", version.number),
        created: timestamp(version.created),
        build: build(version.build),
        id: Shown::beginning(&version.id),
        keys: version.metadata.iter().count(),
        file: listed
            .file
            .as_ref()
            .map(|file| FileView::new(name, of, file)),
        is_from: at == 1,
        is_to: at == 0,
    }
}

/// Returns the versions and providers that await their files, which the API tells the root token alone.
async fn awaited(request: &Request<'_>) -> Result<Vec<String>, PageError> {
    if !request.visitor.is_root() {
        return Ok(Vec::new());
    }
    let orphans = request
        .visitor
        .page(versions::orphans(request.dataset).await)?;
    let own = orphans.iter().filter(|of| of.artifact == *request.name);
    Ok(own.take(ROWS).map(|orphan| orphan.slug()).collect())
}

/// Returns whether an artifact is public.
pub(super) fn is_public(found: &FoundArtifact) -> bool {
    found.visibility == Visibility::Public
}
