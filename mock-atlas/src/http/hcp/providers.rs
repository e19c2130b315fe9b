//! Lists, creates, shows, renames and deletes providers of a version. A provider has architectures, or none yet.

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::{name, one, page, required_name};
use crate::domain::{BoxNumber, Name};
use crate::http::boxes::lost;
use crate::http::error::ApiError;
use crate::http::extract::{
    Asked, BoxProviderPath, BoxVersionPath, Children, HcpQuery, Site, Told,
};
use crate::http::json::{EmptyReply, HcpList, HcpReply, HcpView};
use crate::service::{Dataset, boxes, provider_groups};
use crate::storage::FoundBox;

/// Handles `GET …/providers`.
pub(crate) async fn list(
    dataset: Dataset,
    site: Site,
    BoxVersionPath { name, number }: BoxVersionPath,
    HcpQuery {
        children,
        page: cut,
        ..
    }: HcpQuery,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = boxes::find(&dataset, &caller, &name).await?;
    let version = found.vagrant_box.version(&number).map_err(lost)?;
    let (groups, tokens) = cut.cut(
        version.provider_groups(),
        |_, group| group.name.to_string(),
        |all, token| Some(all.partition_point(|group| group.name.as_str() < token)),
    )?;
    let view = HcpView {
        found: &found,
        site: &site,
        children,
    };
    let elements = groups
        .into_iter()
        .map(|group| view.provider(&number, group));
    Ok(page(HcpList::Providers(elements.collect()), tokens))
}

/// Handles `POST …/providers`. One that exists is answered as it is.
pub(crate) async fn create(
    dataset: Dataset,
    site: Site,
    BoxVersionPath { name, number }: BoxVersionPath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let provider = required_name(&params.fields(), "name")?;
    let created = provider_groups::create(&dataset, &account, &name, &number, provider.clone());
    reply(
        &created.await?,
        &number,
        &provider,
        Children::Omitted,
        &site,
    )
}

/// Handles `GET …/provider/:provider`.
pub(crate) async fn show(
    dataset: Dataset,
    site: Site,
    BoxProviderPath { name, place }: BoxProviderPath,
    HcpQuery { children, .. }: HcpQuery,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = boxes::find(&dataset, &caller, &name).await?;
    reply(&found, &place.version, &place.key.name, children, &site)
}

/// Handles `PUT …/provider/:provider`, which can only give the provider another name.
pub(crate) async fn update(
    dataset: Dataset,
    site: Site,
    BoxProviderPath { name: of, place }: BoxProviderPath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let (number, old) = (place.version, place.key.name);
    let new = name(&params.fields(), "name")?.unwrap_or_else(|| old.clone());
    let renamed = provider_groups::rename(&dataset, &account, &of, &number, (&old, &new));
    reply(&renamed.await?, &number, &new, Children::Omitted, &site)
}

/// Handles `DELETE …/provider/:provider`, with all architectures and their files.
pub(crate) async fn delete(
    dataset: Dataset,
    BoxProviderPath { name, place }: BoxProviderPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let (number, provider) = (place.version, place.key.name);
    provider_groups::delete(&dataset, &account, &name, &number, &provider).await?;
    Ok(Json(EmptyReply {}).into_response())
}

fn reply(
    found: &FoundBox,
    number: &BoxNumber,
    provider: &Name,
    children: Children,
    site: &Site,
) -> Result<Response, ApiError> {
    let version = found.vagrant_box.version(number).map_err(lost)?;
    let group = version.provider_group(provider).map_err(lost)?;
    let view = HcpView {
        found,
        site,
        children,
    };
    Ok(one(HcpReply::Provider(view.provider(number, group))))
}
