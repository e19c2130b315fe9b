//! Creates, shows, changes, deletes, releases and revokes versions of boxes.

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::{description, lost};
use crate::domain::BoxNumber;
use crate::http::error::ApiError;
use crate::http::extract::{Asked, BoxApi, BoxPath, BoxVersionPath, Section, Site, Told};
use crate::http::json::BoxView;
use crate::service::boxes::VersionChange;
use crate::service::{Dataset, boxes};
use crate::storage::FoundBox;

/// Handles `POST /box/:username/:name/versions`.
// Contract: boxes.version-create
pub(crate) async fn create(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxPath(name): BoxPath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let section = params.section("version")?;
    let number = number(section.required_text("version")?)?;
    let description = description(&section, "description")?.unwrap_or_default();
    let found =
        boxes::create_version(&dataset, &account, &name, number.clone(), description).await?;
    reply(&found, &number, api, &site)
}

/// Handles `GET /box/:username/:name/version/:version`.
// Contract: boxes.version-read
pub(crate) async fn show(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxVersionPath { name, number }: BoxVersionPath,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = boxes::find(&dataset, &caller, &name).await?;
    reply(&found, &number, api, &site)
}

/// Handles `PUT /box/:username/:name/version/:version`.
pub(crate) async fn update(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxVersionPath { name, number }: BoxVersionPath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let change = if params.are_none() {
        VersionChange::default()
    } else {
        change(&params.section("version")?)?
    };
    let new_number = change.number.clone().unwrap_or_else(|| number.clone());
    let found = boxes::update_version(&dataset, &account, &name, &number, change).await?;
    reply(&found, &new_number, api, &site)
}

/// Handles `DELETE /box/:username/:name/version/:version`, and answers the deleted version.
// Contract: boxes.version-delete
pub(crate) async fn delete(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxVersionPath { name, number }: BoxVersionPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let deleted = boxes::delete_version(&dataset, &account, &name, &number).await?;
    let (found, version) = &deleted;
    let view = BoxView {
        found,
        api,
        site: &site,
    };
    Ok(Json(view.version(&number, version)).into_response())
}

/// Handles `PUT /box/:username/:name/version/:version/release`.
// Contract: boxes.release
pub(crate) async fn release(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxVersionPath { name, number }: BoxVersionPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let found = boxes::release(&dataset, &account, &name, &number).await?;
    reply(&found, &number, api, &site)
}

/// Handles `PUT /box/:username/:name/version/:version/revoke`.
// Contract: boxes.revoke
pub(crate) async fn revoke(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxVersionPath { name, number }: BoxVersionPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let found = boxes::revoke(&dataset, &account, &name, &number).await?;
    reply(&found, &number, api, &site)
}

fn reply(
    found: &FoundBox,
    number: &BoxNumber,
    api: BoxApi,
    site: &Site,
) -> Result<Response, ApiError> {
    let version = found.vagrant_box.version(number).map_err(lost)?;
    let view = BoxView { found, api, site };
    Ok(Json(view.version(number, version)).into_response())
}

fn change(section: &Section<'_>) -> Result<VersionChange, ApiError> {
    let told = section.text("version")?.filter(|text| !text.is_empty());
    Ok(VersionChange {
        number: told.map(number).transpose()?,
        description: description(section, "description")?,
    })
}

// Contract: boxes.version-parts, boxes.version-unparseable
fn number(text: &str) -> Result<BoxNumber, ApiError> {
    text.parse()
        .map_err(|error| ApiError::Invalid(format!("version[version]: {error}")))
}
