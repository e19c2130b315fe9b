//! Creates, shows, changes and deletes boxes.

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::description;
use crate::domain::{ArtifactName, Name, Visibility};
use crate::http::error::ApiError;
use crate::http::extract::{Asked, BoxApi, BoxPath, Section, Site, Told};
use crate::http::json::BoxView;
use crate::service::boxes::BoxChange;
use crate::service::{Dataset, boxes};
use crate::storage::{FoundBox, NewBox};

/// The parameters of a box, which some clients send without their object.
const FIELDS: [&str; 5] = [
    "username",
    "name",
    "short_description",
    "description",
    "is_private",
];

/// Handles `POST /boxes`.
// Contract: boxes.create, boxes.private-unless-told, boxes.success-ok, boxes.missing-object
pub(crate) async fn create(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let section = params.section_or_flat("box", &FIELDS)?;
    let name = ArtifactName {
        username: name(&section, "username")?,
        name: name(&section, "name")?,
    };
    let BoxChange {
        visibility,
        short_description,
        description,
    } = change(&section)?;
    let new = NewBox {
        visibility,
        unless_told: Visibility::Private,
        short_description: short_description.unwrap_or_default(),
        description: description.unwrap_or_default(),
    };
    let found = boxes::create(&dataset, &account, &name, new).await?;
    Ok(reply(&found, api, &site))
}

/// Handles `GET /box/:username/:name`.
// Contract: boxes.read, boxes.hidden
pub(crate) async fn show(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxPath(name): BoxPath,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = boxes::find(&dataset, &caller, &name).await?;
    Ok(reply(&found, api, &site))
}

/// Handles `PUT /box/:username/:name`.
// Contract: boxes.update
pub(crate) async fn update(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxPath(name): BoxPath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let change = if params.are_none() {
        BoxChange::default()
    } else {
        change(&params.section_or_flat("box", &FIELDS)?)?
    };
    let found = boxes::update(&dataset, &account, &name, change).await?;
    Ok(reply(&found, api, &site))
}

/// Handles `DELETE /box/:username/:name`, and answers the deleted box.
// Contract: boxes.delete
pub(crate) async fn delete(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxPath(name): BoxPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let found = boxes::delete(&dataset, &account, &name).await?;
    Ok(reply(&found, api, &site))
}

fn reply(found: &FoundBox, api: BoxApi, site: &Site) -> Response {
    let view = BoxView { found, api, site };
    Json(view.whole()).into_response()
}

fn change(section: &Section<'_>) -> Result<BoxChange, ApiError> {
    let visibility = |is_private| match is_private {
        true => Visibility::Private,
        false => Visibility::Public,
    };
    Ok(BoxChange {
        visibility: section.boolean("is_private")?.map(visibility),
        short_description: description(section, "short_description")?,
        description: description(section, "description")?,
    })
}

fn name(section: &Section<'_>, key: &str) -> Result<Name, ApiError> {
    let text = section.required_text(key)?;
    text.parse()
        .map_err(|error| ApiError::bad_name(&section.label(key), &error))
}
