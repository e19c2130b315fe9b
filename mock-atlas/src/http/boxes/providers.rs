//! Creates, shows, changes and deletes providers of a version.

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::lost;
use crate::domain::{BoxProvider, Checksum, Name, ProviderChange, ProviderPlace};
use crate::http::error::ApiError;
use crate::http::extract::{Asked, BoxApi, BoxProviderPath, BoxVersionPath, Section, Site, Told};
use crate::http::json::BoxView;
use crate::service::{Dataset, boxes};
use crate::storage::FoundBox;

/// The longest URL, in bytes.
const LONGEST_URL: usize = 8 * 1024;

/// Handles `POST /box/:username/:name/version/:version/providers`.
// Contract: boxes.provider-create
pub(crate) async fn create(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxVersionPath { name, number }: BoxVersionPath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let section = params.section("provider")?;
    section.required_text("name")?;
    let change = change(&section)?;
    let Some(provider) = change.name.clone() else {
        return Err(ApiError::Invalid(
            "provider[name] must not be empty".to_owned(),
        ));
    };
    let put = boxes::put_provider(&dataset, &account, &name, &number, provider, change);
    let (found, key) = put.await?;
    let place = ProviderPlace {
        version: number,
        key,
    };
    reply(&found, &place, api, &site)
}

/// Handles `GET …/provider/:provider` and `GET …/provider/:provider/:architecture`.
pub(crate) async fn show(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxProviderPath { name, place }: BoxProviderPath,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let found = boxes::find(&dataset, &caller, &name).await?;
    reply(&found, &place, api, &site)
}

/// Handles `PUT …/provider/:provider` and `PUT …/provider/:provider/:architecture`.
// Contract: boxes.provider-nulls
pub(crate) async fn update(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxProviderPath { name, place }: BoxProviderPath,
    Told { account, params }: Told,
) -> Result<Response, ApiError> {
    let change = if params.are_none() {
        ProviderChange::default()
    } else {
        change(&params.section("provider")?)?
    };
    let updated = boxes::update_provider(&dataset, &account, &name, &place, change).await?;
    let (found, key) = updated;
    reply(&found, &ProviderPlace { key, ..place }, api, &site)
}

/// Handles `DELETE …/provider/:provider` and `DELETE …/provider/:provider/:architecture`, and answers the
/// provider. Without an architecture it is Packer's cleanup after a failed upload, which must not delete what
/// others have uploaded; but a client of version 1, which knows no architectures, means the only entry.
// Contract: boxes.provider-delete, boxes.cleanup-keeps-files, silent.box-provider-delete
pub(crate) async fn delete(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxProviderPath { name, place }: BoxProviderPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let provider = &place.key.name;
    let (found, deleted) = match (&place.key.architecture, api) {
        (Some(_), _) => boxes::delete_provider(&dataset, &account, &name, &place).await?,
        (None, BoxApi::V1) => {
            boxes::delete_only_provider(&dataset, &account, &name, &place.version, provider).await?
        }
        (None, BoxApi::V2) => {
            boxes::delete_unfinished_provider(&dataset, &account, &name, &place.version, provider)
                .await?
        }
    };
    Ok(shown(&found, &place, &deleted, api, &site))
}

pub(super) fn reply(
    found: &FoundBox,
    place: &ProviderPlace,
    api: BoxApi,
    site: &Site,
) -> Result<Response, ApiError> {
    let provider = found.vagrant_box.provider(place).map_err(lost)?;
    Ok(shown(found, place, provider, api, site))
}

fn shown(
    found: &FoundBox,
    place: &ProviderPlace,
    provider: &BoxProvider,
    api: BoxApi,
    site: &Site,
) -> Response {
    let view = BoxView { found, api, site };
    Json(view.provider(&place.version, provider)).into_response()
}

/// Parses the description of a provider. An empty text tells nothing, like null.
fn change(section: &Section<'_>) -> Result<ProviderChange, ApiError> {
    let text = |key| Ok::<_, ApiError>(section.text(key)?.filter(|text| !text.is_empty()));
    let name = |key| {
        let name = text(key)?.map(str::parse::<Name>).transpose();
        name.map_err(|error| ApiError::bad_name(&section.label(key), &error))
    };
    Ok(ProviderChange {
        name: name("name")?,
        architecture: name("architecture")?,
        is_default: section.boolean("default_architecture")?,
        url: text("url")?
            .map(|text| url(&section.label("url"), text))
            .transpose()?,
        checksum: checksum(text("checksum_type")?, text("checksum")?)?,
    })
}

/// Returns a checksum; `None` if its type or its value says that there is none.
// Contract: boxes.checksum-types, boxes.checksum-none
pub(in crate::http) fn checksum(
    kind: Option<&str>,
    value: Option<&str>,
) -> Result<Option<Checksum>, ApiError> {
    let told = Checksum::told(kind.unwrap_or_default(), value.unwrap_or_default());
    told.map_err(|error| ApiError::Invalid(error.to_string()))
}

/// Returns a URL, to which downloads will be redirected. `label` is the parameter that tells it.
pub(in crate::http) fn url(label: &str, text: &str) -> Result<String, ApiError> {
    let is_printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.len() > LONGEST_URL || !is_printable || !text.contains("://") {
        return Err(ApiError::Invalid(format!(
            "{label} must be an absolute URL of at most {LONGEST_URL} bytes without spaces, \
             such as https://example.com/web.box"
        )));
    }
    Ok(text.to_owned())
}
