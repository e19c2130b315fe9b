//! The page of one version: its metadata, and the lines with which it is used.

use askama::Template;
use axum::response::Response;

use super::artifact::{Request, is_public};
use super::lines::{Line, Use};
use super::{Entry, FileView, build};
use crate::domain::{Name, Query, Select, timestamp};
use crate::http::error::ApiError;
use crate::http::web::page::{Frame, PageError, render};
use crate::http::web::shown::Shown;
use crate::service::listing::{self, ListedVersion};

#[derive(Template)]
#[template(path = "version.html")]
struct VersionPage {
    frame: Frame,
    owner: String,
    name: String,
    artifact_type: String,
    number: u64,
    created: String,
    build: String,
    id: Shown,
    file: Option<FileView>,
    lines: Vec<Line>,
    metadata: Vec<Entry>,
}

/// Returns one version of a type.
pub(super) async fn find(
    request: &Request<'_>,
    of: &Name,
    number: u64,
) -> Result<ListedVersion, PageError> {
    let Request {
        dataset,
        visitor,
        name,
        ..
    } = *request;
    let query = Query {
        select: Select::Number(number),
        ..Query::default()
    };
    let caller = &visitor.caller;
    let found = listing::versions(dataset, caller, (name, of), &query, (u64::MAX, 1)).await;
    let found = visitor.page(found)?.versions.pop();
    found.ok_or_else(|| visitor.failed()(ApiError::NotFound))
}

pub(super) async fn show(
    request: &Request<'_>,
    of: &Name,
    number: u64,
) -> Result<Response, PageError> {
    let ListedVersion { version, file } = find(request, of, number).await?;
    let name = request.name;
    let usage = Use {
        site: request.site,
        artifact: name,
        artifact_type: of,
        number,
        has_file: file.is_some(),
        is_public: is_public(request.found),
    };
    let metadata = version.metadata.iter().map(|(key, value)| Entry {
        key: Shown::new(key),
        value: Shown::new(value),
    });
    Ok(render(&VersionPage {
        frame: Frame::new(name.slug(of, number), request.visitor),
        owner: name.username.as_str().to_owned(),
        name: name.name.as_str().to_owned(),
        artifact_type: of.as_str().to_owned(),
        number,
        created: timestamp(version.created),
        build: build(version.build),
        id: Shown::new(&version.id),
        file: file.map(|file| FileView::new(name, of, &file)),
        lines: usage.lines(),
        metadata: metadata.collect(),
    }))
}
