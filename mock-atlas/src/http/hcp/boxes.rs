//! Lists, creates, shows, changes and deletes the boxes of a registry.

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::{one, page, refuse_new_name, required_name};
use crate::domain::{ArtifactName, Visibility};
use crate::http::boxes::description;
use crate::http::error::ApiError;
use crate::http::extract::{
    Asked, BoxPath, Children, HcpQuery, NamespacePath, Section, Site, Told,
};
use crate::http::json::{ChangedReply, HcpList, HcpReply, HcpView};
use crate::service::boxes::BoxChange;
use crate::service::operations::Operation;
use crate::service::{Dataset, boxes, registries};
use crate::storage::{FoundBox, NewBox};

/// Handles `GET /registry/:registry/boxes`.
pub(crate) async fn list(
    dataset: Dataset,
    site: Site,
    NamespacePath(registry): NamespacePath,
    HcpQuery {
        children,
        page: cut,
        ..
    }: HcpQuery,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = registries::boxes(&dataset, &caller, &registry).await?;
    let (found, tokens) = cut.cut(
        found,
        |_, found| found.name.name.to_string(),
        |all, token| Some(all.partition_point(|found| found.name.name.as_str() < token)),
    )?;
    let view = |found| HcpView {
        found,
        site: &site,
        children,
    };
    let elements = found.iter().map(|found| view(found).element());
    Ok(page(HcpList::Boxes(elements.collect()), tokens))
}

/// Handles `POST /registry/:registry/boxes`. The SDK does not tell `is_private` if it is false.
// Contract: boxes-hcp.box-create
pub(crate) async fn create(
    dataset: Dataset,
    site: Site,
    NamespacePath(username): NamespacePath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let fields = params.fields();
    let name = ArtifactName {
        username,
        name: required_name(&fields, "name")?,
    };
    let change = change(&fields)?;
    let new = NewBox {
        visibility: change.visibility,
        unless_told: Visibility::Public,
        short_description: change.short_description.unwrap_or_default(),
        description: change.description.unwrap_or_default(),
    };
    let found = boxes::create(&dataset, &account, &name, new).await?;
    changed(&dataset, &found, &site).await
}

/// Handles `GET /registry/:registry/box/:box`.
// Contract: boxes-hcp.public-reads
pub(crate) async fn show(
    dataset: Dataset,
    site: Site,
    BoxPath(name): BoxPath,
    HcpQuery { children, .. }: HcpQuery,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = boxes::find(&dataset, &caller, &name).await?;
    let view = HcpView {
        found: &found,
        site: &site,
        children,
    };
    Ok(one(HcpReply::Box(view.element())))
}

/// Handles `PUT /registry/:registry/box/:box`.
// Contract: boxes-hcp.update
pub(crate) async fn update(
    dataset: Dataset,
    site: Site,
    BoxPath(name): BoxPath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let fields = params.fields();
    refuse_new_name(&fields, "name", &name.name)?;
    let found = boxes::update(&dataset, &account, &name, change(&fields)?).await?;
    changed(&dataset, &found, &site).await
}

/// Handles `DELETE /registry/:registry/box/:box`, and answers the deleted box.
// Contract: boxes-hcp.delete
pub(crate) async fn delete(
    dataset: Dataset,
    site: Site,
    BoxPath(name): BoxPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let found = boxes::delete(&dataset, &account, &name).await?;
    changed(&dataset, &found, &site).await
}

async fn changed(dataset: &Dataset, found: &FoundBox, site: &Site) -> Result<Response, ApiError> {
    let view = HcpView {
        found,
        site,
        children: Children::Omitted,
    };
    let operation = Operation::new(dataset, &found.name.username).await?;
    let reply = ChangedReply {
        object: HcpReply::Box(view.element()),
        operation: (&operation).into(),
    };
    Ok(Json(reply).into_response())
}

fn change(fields: &Section<'_>) -> Result<BoxChange, ApiError> {
    let visibility = |is_private| match is_private {
        true => Visibility::Private,
        false => Visibility::Public,
    };
    Ok(BoxChange {
        visibility: fields.boolean("is_private")?.map(visibility),
        short_description: description(fields, "short_description")?,
        description: description(fields, "description")?,
    })
}
