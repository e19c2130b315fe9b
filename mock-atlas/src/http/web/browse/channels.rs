//! The channels of a type on the page of its artifact, and changes to them.

use axum::response::Response;

use super::artifact::Request;
use super::encoded;
use crate::domain::{ArtifactName, BOX_TYPE, Caller, ChannelNameError, Name};
use crate::http::error::ApiError;
use crate::http::extract::{ArtifactPath, whole_number};
use crate::http::web::form::{Fields, Form};
use crate::http::web::page::PageError;
use crate::service::{Dataset, channels};
use crate::storage::ChannelPlace;

/// The channels of a type as pages show them.
pub(super) struct ChannelsView {
    pub(super) channels: Vec<ChannelView>,
    /// Whether the visitor may change them. A type of boxes has none: its versions are released and revoked.
    pub(super) can_change: bool,
}

pub(super) struct ChannelView {
    pub(super) name: String,
    pub(super) version: u64,
    pub(super) link: String,
}

/// Returns the channels of a type, whose page is at `address`.
pub(super) async fn view(
    request: &Request<'_>,
    of: &Name,
    address: &str,
) -> Result<ChannelsView, PageError> {
    let Request {
        dataset, visitor, ..
    } = *request;
    let all = channels::list(dataset, &visitor.caller, request.name).await;
    let own = visitor.page(all)?.into_iter();
    let own = own.filter(|channel| channel.artifact_type == *of);
    let channels = own.map(|channel| ChannelView {
        name: channel.name.as_str().to_owned(),
        version: channel.channel.version(),
        link: format!("{address}&version={}", channel.channel.version()),
    });
    Ok(ChannelsView {
        channels: channels.collect(),
        can_change: request.found.is_writable && of.as_str() != BOX_TYPE,
    })
}

/// Handles `POST /_mock/pages/channels/:username/:name`: sets a channel, rolls it back, or removes it.
pub(crate) async fn change(
    dataset: Dataset,
    name: Result<ArtifactPath, ApiError>,
    Form(visitor, fields): Form,
) -> Result<Response, PageError> {
    let ArtifactPath(name) = name.map_err(visitor.failed())?;
    let Caller::Known(account) = &visitor.caller else {
        return Err(visitor.must_sign_in(&format!("/{name}")));
    };
    let place = place(name, &fields).map_err(visitor.failed())?;
    let changed: Result<(), ApiError> = match fields.get("action") {
        "set" => channels::set(&dataset, account, &place, || version(&fields))
            .await
            .map(drop),
        "rollback" => channels::roll_back(&dataset, account, &place)
            .await
            .map(drop)
            .map_err(ApiError::from),
        "remove" => channels::remove(&dataset, account, &place)
            .await
            .map_err(ApiError::from),
        other => {
            let message = format!("action: {other:?} is none of set, rollback and remove");
            Err(ApiError::Invalid(message))
        }
    };
    changed.map_err(visitor.failed())?;
    let of = encoded(place.artifact_type.as_str());
    Ok(visitor.redirect(&format!("/{}?type={of}", place.artifact)))
}

fn place(artifact: ArtifactName, fields: &Fields) -> Result<ChannelPlace, ApiError> {
    let of = fields.get("type").parse();
    let name = fields.get("channel").trim().parse();
    let invalid = |error: ChannelNameError| ApiError::Invalid(format!("channel {error}"));
    Ok(ChannelPlace {
        artifact,
        artifact_type: of.map_err(|error| ApiError::bad_name("type", &error))?,
        name: name.map_err(invalid)?,
    })
}

fn version(fields: &Fields) -> Result<u64, ApiError> {
    let number = fields.given("version").and_then(whole_number);
    number.ok_or_else(|| ApiError::Invalid("version must be the number of a version".to_owned()))
}
