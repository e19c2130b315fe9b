//! Lists of artifacts and boxes: those of everybody, and those of one user or organisation.

use askama::Template;
use axum::response::Response;

use super::{ROWS, encoded, lines};
use crate::domain::{Caller, Name, Visibility, timestamp};
use crate::http::error::ApiError;
use crate::http::extract::{OwnerPath, Site};
use crate::http::web::form::Fields;
use crate::http::web::page::{Frame, PageError, render};
use crate::http::web::visitor::Visitor;
use crate::service::listing::{self, ArtifactsPage, ReadableArtifact};
use crate::service::{Dataset, registries};
use crate::storage::{ArtifactsQuery, RegistryOwner};

/// The greatest number of users and organisations on a page.
const MOST_OWNERS: usize = 100;

/// The longest text that is searched for: the longest name of an artifact.
const LONGEST_TEXT: usize = 101;

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    frame: Frame,
    about: Option<String>,
    text: String,
    owners: Vec<OwnerRow>,
    more_owners: usize,
    rows: Vec<Row>,
    next: Option<String>,
    first_command: String,
}

struct OwnerRow {
    name: String,
    kind: &'static str,
}

struct Row {
    name: String,
    visibility: &'static str,
    has_box: bool,
    types: Vec<TypeRow>,
}

struct TypeRow {
    name: String,
    newest: u64,
    created: String,
}

impl From<ReadableArtifact> for Row {
    fn from(ReadableArtifact { about, types }: ReadableArtifact) -> Self {
        let types = types.into_iter().map(|of| TypeRow {
            name: of.artifact_type.as_str().to_owned(),
            newest: of.newest,
            created: timestamp(of.created),
        });
        Self {
            name: about.name.to_string(),
            visibility: visibility(about.visibility),
            has_box: about.has_box,
            types: types.collect(),
        }
    }
}

/// Returns a visibility as pages show it.
pub(super) fn visibility(of: Visibility) -> &'static str {
    match of {
        Visibility::Public => "public",
        Visibility::Private => "private",
    }
}

/// Handles `GET /` for browsers: artifacts and boxes, those that were made last first, and users and organisations.
pub(crate) async fn all(
    dataset: Dataset,
    visitor: Visitor,
    site: Result<Site, ApiError>,
    query: Fields,
) -> Result<Response, PageError> {
    let site = site.map_err(visitor.failed())?;
    let text = query.get("q").trim().to_owned();
    let found = find(&dataset, &visitor, &query, None).await?;
    let is_first = query.given("below").is_none() && text.is_empty();
    let (owners, more_owners) = match is_first {
        true => owners(&dataset, &visitor).await?,
        false => (Vec::new(), 0),
    };
    let title = match text.is_empty() {
        true => "What this Atlas holds".to_owned(),
        false => format!("Search for “{text}”"),
    };
    let next = found.next.map(|place| match text.is_empty() {
        true => format!("/?below={place}"),
        false => format!("/?q={}&below={place}", encoded(&text)),
    });
    let username = visitor.username().unwrap_or_default();
    Ok(render(&ListPage {
        frame: Frame::new(title, &visitor),
        about: None,
        text,
        owners,
        more_owners,
        rows: found.artifacts.into_iter().map(Row::from).collect(),
        next,
        first_command: lines::first_push(&site, &format!("{username}/NAME"), "custom.image"),
    }))
}

/// Handles `GET /:username` for browsers: the artifacts and boxes of one user or organisation.
pub(crate) async fn of_owner(
    dataset: Dataset,
    visitor: Visitor,
    owner: Result<OwnerPath, ApiError>,
    site: Result<Site, ApiError>,
    query: Fields,
) -> Result<Response, PageError> {
    let OwnerPath(owner) = owner.map_err(visitor.failed())?;
    let site = site.map_err(visitor.failed())?;
    let found = find(&dataset, &visitor, &query, Some(owner.clone())).await?;
    let about = about(&dataset, &visitor, &owner, &found).await?;
    let next = |place| format!("/{}?below={place}", owner.as_str());
    let first = format!("{}/NAME", owner.as_str());
    Ok(render(&ListPage {
        frame: Frame::new(owner.as_str(), &visitor),
        about,
        text: String::new(),
        owners: Vec::new(),
        more_owners: 0,
        next: found.next.map(next),
        rows: found.artifacts.into_iter().map(Row::from).collect(),
        first_command: lines::first_push(&site, &first, "custom.image"),
    }))
}

async fn find(
    dataset: &Dataset,
    visitor: &Visitor,
    query: &Fields,
    owner: Option<Name>,
) -> Result<ArtifactsPage, PageError> {
    let text = query.get("q").trim().chars().take(LONGEST_TEXT);
    let query = ArtifactsQuery {
        owner,
        text: text.collect::<String>().to_ascii_lowercase(),
        below: query.given("below").and_then(|below| below.parse().ok()),
        most: ROWS,
        ..ArtifactsQuery::default()
    };
    visitor.page(listing::artifacts(dataset, &visitor.caller, query).await)
}

/// Returns the description of an owner; an error if there is no such owner as far as the visitor may know.
async fn about(
    dataset: &Dataset,
    visitor: &Visitor,
    owner: &Name,
    found: &ArtifactsPage,
) -> Result<Option<String>, PageError> {
    let is_known = !found.artifacts.is_empty() || found.next.is_some();
    if !is_known {
        visitor.page(registries::find(dataset, &visitor.caller, owner).await)?;
    }
    let about = visitor.page(registries::description(dataset, owner).await)?;
    Ok((!about.is_empty()).then_some(about))
}

/// Returns the users and organisations in which the visitor has a role, and how many more there are.
async fn owners(dataset: &Dataset, visitor: &Visitor) -> Result<(Vec<OwnerRow>, usize), PageError> {
    let Caller::Known(account) = &visitor.caller else {
        return Ok((Vec::new(), 0));
    };
    let found = visitor.page(registries::list(dataset, account).await)?;
    let more = found.len().saturating_sub(MOST_OWNERS);
    let rows = found.into_iter().take(MOST_OWNERS).map(|of| OwnerRow {
        kind: match of.owner {
            RegistryOwner::User => "user",
            RegistryOwner::Organization => "organization",
            RegistryOwner::Nobody => "",
        },
        name: of.name.as_str().to_owned(),
    });
    Ok((rows.collect(), more))
}
