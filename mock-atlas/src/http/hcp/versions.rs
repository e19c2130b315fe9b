//! Lists, creates, shows, changes, deletes, releases and revokes versions of a box.

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::{one, page};
use crate::domain::{BoxNumber, BoxVersion};
use crate::http::boxes::{description, lost};
use crate::http::error::ApiError;
use crate::http::extract::{
    Asked, BoxPath, BoxVersionPath, Children, HcpQuery, Section, Site, Told,
};
use crate::http::json::{EmptyReply, HcpList, HcpReply, HcpView};
use crate::service::boxes::VersionChange;
use crate::service::{Dataset, boxes};
use crate::storage::FoundBox;

/// Handles `GET …/versions`: the highest version comes first.
pub(crate) async fn list(
    dataset: Dataset,
    site: Site,
    BoxPath(name): BoxPath,
    HcpQuery {
        children,
        page: cut,
        ..
    }: HcpQuery,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = boxes::find(&dataset, &caller, &name).await?;
    let versions: Vec<(&BoxNumber, &BoxVersion)> = found.vagrant_box.versions().collect();
    let (versions, tokens) = cut.cut(
        versions,
        |_, (number, _)| number.to_string(),
        |all, token| {
            let first: BoxNumber = token.parse().ok()?;
            Some(all.partition_point(|(number, _)| **number > first))
        },
    )?;
    let view = HcpView {
        found: &found,
        site: &site,
        children,
    };
    let elements = versions.into_iter();
    let elements = elements.map(|(number, version)| view.version(number, version));
    Ok(page(HcpList::Versions(elements.collect()), tokens))
}

/// Handles `POST …/versions`.
// Contract: boxes-hcp.version
pub(crate) async fn create(
    dataset: Dataset,
    site: Site,
    BoxPath(name): BoxPath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let fields = params.fields();
    let number = number(fields.required_text("name")?)?;
    let description = description(&fields, "description")?.unwrap_or_default();
    let created = boxes::create_version(&dataset, &account, &name, number.clone(), description);
    reply(&created.await?, &number, Children::Omitted, &site)
}

/// Handles `GET …/version/:version`.
pub(crate) async fn show(
    dataset: Dataset,
    site: Site,
    BoxVersionPath { name, number }: BoxVersionPath,
    HcpQuery { children, .. }: HcpQuery,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = boxes::find(&dataset, &caller, &name).await?;
    reply(&found, &number, children, &site)
}

/// Handles `PUT …/version/:version`.
pub(crate) async fn update(
    dataset: Dataset,
    site: Site,
    BoxVersionPath { name, number }: BoxVersionPath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let change = change(&params.fields())?;
    let new = change.number.clone().unwrap_or_else(|| number.clone());
    let found = boxes::update_version(&dataset, &account, &name, &number, change).await?;
    reply(&found, &new, Children::Omitted, &site)
}

/// Handles `DELETE …/version/:version`.
pub(crate) async fn delete(
    dataset: Dataset,
    BoxVersionPath { name, number }: BoxVersionPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    boxes::delete_version(&dataset, &account, &name, &number).await?;
    Ok(Json(EmptyReply {}).into_response())
}

/// Handles `PUT …/version/:version/release`.
// Contract: boxes-hcp.release
pub(crate) async fn release(
    dataset: Dataset,
    BoxVersionPath { name, number }: BoxVersionPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    boxes::release(&dataset, &account, &name, &number).await?;
    Ok(Json(EmptyReply {}).into_response())
}

/// Handles `PUT …/version/:version/revoke`.
pub(crate) async fn revoke(
    dataset: Dataset,
    BoxVersionPath { name, number }: BoxVersionPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    boxes::revoke(&dataset, &account, &name, &number).await?;
    Ok(Json(EmptyReply {}).into_response())
}

fn reply(
    found: &FoundBox,
    number: &BoxNumber,
    children: Children,
    site: &Site,
) -> Result<Response, ApiError> {
    let version = found.vagrant_box.version(number).map_err(lost)?;
    let view = HcpView {
        found,
        site,
        children,
    };
    Ok(one(HcpReply::Version(view.version(number, version))))
}

fn change(fields: &Section<'_>) -> Result<VersionChange, ApiError> {
    let told = fields.text("name")?.filter(|text| !text.is_empty());
    Ok(VersionChange {
        number: told.map(number).transpose()?,
        description: description(fields, "description")?,
    })
}

fn number(text: &str) -> Result<BoxNumber, ApiError> {
    text.parse()
        .map_err(|error| ApiError::Invalid(format!("name: {error}")))
}
