//! Lists, creates, shows, changes and deletes architectures of a provider.

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::{name, one, page};
use crate::domain::{ProviderChange, ProviderPlace};
use crate::http::boxes::lost;
use crate::http::boxes::providers::{checksum, url};
use crate::http::error::ApiError;
use crate::http::extract::{Asked, BoxProviderPath, Children, HcpQuery, Section, Site, Told};
use crate::http::json::{EmptyReply, HcpList, HcpReply, HcpView};
use crate::service::{Dataset, boxes, provider_groups};
use crate::storage::FoundBox;

/// Handles `GET …/architectures`.
pub(crate) async fn list(
    dataset: Dataset,
    site: Site,
    BoxProviderPath { name, place }: BoxProviderPath,
    HcpQuery { page: cut, .. }: HcpQuery,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = boxes::find(&dataset, &caller, &name).await?;
    let version = found.vagrant_box.version(&place.version).map_err(lost)?;
    let group = version.provider_group(&place.key.name).map_err(lost)?;
    let (architectures, tokens) = cut.cut(
        group.architectures.iter().collect(),
        |_, one| one.architecture.to_string(),
        |all, token| Some(all.partition_point(|one| one.architecture.as_str() < token)),
    )?;
    let view = view(&found, &site);
    let elements = architectures.into_iter();
    let elements = elements.map(|one| view.architecture(&place.version, one));
    Ok(page(HcpList::Architectures(elements.collect()), tokens))
}

/// Handles `POST …/architectures`. One that exists is changed.
// Contract: boxes-hcp.architecture
pub(crate) async fn create(
    dataset: Dataset,
    site: Site,
    BoxProviderPath { name, place }: BoxProviderPath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let change = change(&params.fields())?;
    let ProviderPlace { version, key } = place;
    let created =
        provider_groups::create_architecture(&dataset, &account, &name, &version, key.name, change);
    let (found, key) = created.await?;
    reply(&found, &ProviderPlace { version, key }, &site)
}

/// Handles `GET …/architecture/:architecture`.
pub(crate) async fn show(
    dataset: Dataset,
    site: Site,
    BoxProviderPath { name, place }: BoxProviderPath,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = boxes::find(&dataset, &caller, &name).await?;
    reply(&found, &place, &site)
}

/// Handles `PUT …/architecture/:architecture`.
pub(crate) async fn update(
    dataset: Dataset,
    site: Site,
    BoxProviderPath { name, place }: BoxProviderPath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let change = change(&params.fields())?;
    let updated = boxes::update_provider(&dataset, &account, &name, &place, change).await?;
    let (found, key) = updated;
    reply(&found, &ProviderPlace { key, ..place }, &site)
}

/// Handles `DELETE …/architecture/:architecture`, with its file. The provider stays.
pub(crate) async fn delete(
    dataset: Dataset,
    BoxProviderPath { name, place }: BoxProviderPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    provider_groups::delete_architecture(&dataset, &account, &name, &place).await?;
    Ok(Json(EmptyReply {}).into_response())
}

fn reply(found: &FoundBox, place: &ProviderPlace, site: &Site) -> Result<Response, ApiError> {
    let provider = found.vagrant_box.provider(place).map_err(lost)?;
    let element = view(found, site).architecture(&place.version, provider);
    Ok(one(HcpReply::Architecture(element)))
}

fn view<'a>(found: &'a FoundBox, site: &'a Site) -> HcpView<'a> {
    HcpView {
        found,
        site,
        children: Children::Omitted,
    }
}

/// Parses the description of an architecture. An empty text tells nothing, like null.
// Contract: boxes-hcp.checksum-types
fn change(fields: &Section<'_>) -> Result<ProviderChange, ApiError> {
    let mut change = ProviderChange {
        architecture: name(fields, "architecture_type")?,
        is_default: fields.boolean("default")?,
        ..ProviderChange::default()
    };
    if let Some(data) = fields.object("box_data")? {
        let text = |key| Ok::<_, ApiError>(data.text(key)?.filter(|text| !text.is_empty()));
        let told = text("download_url")?.map(|told| url(&data.label("download_url"), told));
        change.url = told.transpose()?;
        change.checksum = checksum(text("checksum_type")?, text("checksum")?)?;
    }
    Ok(change)
}
