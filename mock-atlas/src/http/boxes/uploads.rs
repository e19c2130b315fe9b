//! Begins and completes uploads of files of boxes. `api_v1::upload` receives the bytes.

use axum::Json;
use axum::response::{IntoResponse, Response};

use super::providers;
use crate::domain::ProviderPlace;
use crate::endpoint::upload_path;
use crate::http::error::ApiError;
use crate::http::extract::{BoxApi, BoxProviderPath, BoxUploadPath, Origin, Site, Told};
use crate::http::json::{DirectUploadReply, UploadReply};
use crate::service::{Dataset, boxes};

/// Handles `GET …/provider/:provider/upload`, with or without an architecture. The file is visible as soon as all
/// bytes have come.
pub(crate) async fn begin(
    dataset: Dataset,
    origin: Origin,
    BoxProviderPath { name, place }: BoxProviderPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let begun = boxes::begin_upload(&dataset, &account, &name, &place, false).await?;
    let (_, upload) = begun;
    let reply = UploadReply {
        upload_path: origin.at(&upload_path(upload)),
        token: upload.simple().to_string(),
    };
    Ok(Json(reply).into_response())
}

/// Handles `GET …/provider/:provider/upload/direct`, with or without an architecture. The file is visible only after
/// the callback.
// Contract: boxes.callback-address
pub(crate) async fn begin_direct(
    dataset: Dataset,
    api: BoxApi,
    origin: Origin,
    site: Site,
    BoxProviderPath { name, place }: BoxProviderPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let begun = boxes::begin_upload(&dataset, &account, &name, &place, true).await?;
    let (_, upload) = begun;
    let ProviderPlace { version, key } = place;
    let architecture = match key.architecture {
        Some(architecture) => format!("/{architecture}"),
        None => String::new(),
    };
    let (api, provider) = (api.path(), key.name);
    let callback = format!(
        "{api}/box/{name}/version/{version}/provider/{provider}{architecture}/upload/complete/{upload}"
    );
    let reply = DirectUploadReply {
        upload_path: origin.at(&upload_path(upload)),
        callback: site.at(&callback),
    };
    Ok(Json(reply).into_response())
}

/// Handles `PUT …/upload/complete/:upload`, the callback of a direct upload, and answers the provider.
// Contract: boxes.callback-awaited, boxes.callback-empty, silent.box-upload-again
pub(crate) async fn complete(
    dataset: Dataset,
    api: BoxApi,
    site: Site,
    BoxUploadPath { name, upload }: BoxUploadPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let completed = boxes::complete_upload(&dataset, &account, &name, upload).await?;
    let (found, place) = completed;
    providers::reply(&found, &place, api, &site)
}
