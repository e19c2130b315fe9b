//! Lists, creates, shows, changes and deletes registries.

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::{one, page, refuse_new_name, required_name};
use crate::domain::RegistryChange;
use crate::http::boxes::description;
use crate::http::error::ApiError;
use crate::http::extract::{Asked, Authenticated, Children, HcpQuery, NamespacePath, Site, Told};
use crate::http::json::{ChangedReply, HcpList, HcpReply, HcpView, RegistryElement};
use crate::service::operations::Operation;
use crate::service::{Dataset, registries};
use crate::storage::FoundRegistry;

/// Handles `GET /registries`: those in which the caller has a role.
pub(crate) async fn list(
    dataset: Dataset,
    Authenticated(account): Authenticated,
    HcpQuery {
        page: cut,
        location,
        ..
    }: HcpQuery,
) -> Result<Response, ApiError> {
    let mut found = registries::list(&dataset, &account).await?;
    found.retain(|found| {
        let is_there = |id: &Option<String>| id.as_ref().is_none_or(|id| id == found.name.as_str());
        location.iter().all(is_there)
    });
    let (found, tokens) = cut.cut(
        found,
        |_, found| found.name.to_string(),
        |all, token| Some(all.partition_point(|found| found.name.as_str() < token)),
    )?;
    let elements = found.iter().map(bare).collect();
    Ok(page(HcpList::Registries(elements), tokens))
}

/// Handles `POST /registries`: creates an organisation, for which the root token is needed.
pub(crate) async fn create(
    dataset: Dataset,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    if !account.is_root() {
        return Err(ApiError::NOT_ROOT);
    }
    let fields = params.fields();
    let name = required_name(&fields, "name")?;
    let change = RegistryChange {
        description: description(&fields, "description")?,
        is_active: None,
    };
    let found = registries::create(&dataset, &name, change).await?;
    changed(&dataset, &found).await
}

/// Handles `GET /registry/:registry`.
pub(crate) async fn show(
    dataset: Dataset,
    site: Site,
    NamespacePath(name): NamespacePath,
    HcpQuery { children, .. }: HcpQuery,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = registries::find(&dataset, &caller, &name).await?;
    let boxes = match children {
        Children::Included if found.registry.is_active => {
            registries::boxes(&dataset, &caller, &name).await?
        }
        Children::Included | Children::Omitted => Vec::new(),
    };
    // The boxes have no children: a registry may have any number of them.
    let view = |found| HcpView {
        found,
        site: &site,
        children: Children::Omitted,
    };
    let boxes = boxes.iter().map(|found| view(found).element()).collect();
    Ok(one(HcpReply::Registry(RegistryElement::new(&found, boxes))))
}

/// Handles `PUT /registry/:registry`.
pub(crate) async fn update(
    dataset: Dataset,
    NamespacePath(name): NamespacePath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let fields = params.fields();
    refuse_new_name(&fields, "name", &name)?;
    let change = RegistryChange {
        description: description(&fields, "description")?,
        is_active: None,
    };
    let found = registries::update(&dataset, &account, &name, change).await?;
    Ok(one(HcpReply::Registry(bare(&found))))
}

/// Handles `DELETE /registry/:registry`.
pub(crate) async fn delete(
    dataset: Dataset,
    NamespacePath(name): NamespacePath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let found = registries::delete(&dataset, &account, &name).await?;
    changed(&dataset, &found).await
}

/// Handles `PUT /registry/:registry/activate`.
pub(crate) async fn activate(
    dataset: Dataset,
    NamespacePath(name): NamespacePath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let found = registries::update(&dataset, &account, &name, active(true)).await?;
    Ok(one(HcpReply::Registry(bare(&found))))
}

/// Handles `PUT /registry/:registry/deactivate`: nobody finds the boxes of the registry until it is active again.
pub(crate) async fn deactivate(
    dataset: Dataset,
    NamespacePath(name): NamespacePath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let found = registries::update(&dataset, &account, &name, active(false)).await?;
    Ok(one(HcpReply::Registry(bare(&found))))
}

fn active(is_active: bool) -> RegistryChange {
    RegistryChange {
        is_active: Some(is_active),
        ..RegistryChange::default()
    }
}

/// Returns a registry without its boxes.
fn bare(found: &FoundRegistry) -> RegistryElement<'_> {
    RegistryElement::new(found, Vec::new())
}

async fn changed(dataset: &Dataset, found: &FoundRegistry) -> Result<Response, ApiError> {
    let operation = Operation::new(dataset, &found.name).await?;
    let reply = ChangedReply {
        object: HcpReply::Registry(bare(found)),
        operation: (&operation).into(),
    };
    Ok(Json(reply).into_response())
}
