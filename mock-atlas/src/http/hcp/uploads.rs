//! Begins and completes uploads of files, and tells the URLs of files. `api_v1::upload` receives the bytes.

use axum::Json;
use axum::http::Method;
use axum::response::{IntoResponse, Response};

use crate::domain::{Caller, ProviderPlace};
use crate::endpoint::{HCP_REGISTRY, upload_path};
use crate::http::error::ApiError;
use crate::http::extract::{Asked, BoxProviderPath, BoxUploadPath, Origin, SIGNATURE, Site, Told};
use crate::http::json::{
    DirectUploadFields, EmptyReply, HcpDownloadReply, HcpUploadReply, download_path,
};
use crate::service::boxes::BoxFile;
use crate::service::{Dataset, accounts, boxes};

/// Handles `GET …/architecture/:architecture/upload`. The file is visible as soon as all bytes have come.
// Contract: boxes-hcp.upload
pub(crate) async fn begin(
    dataset: Dataset,
    origin: Origin,
    BoxProviderPath { name, place }: BoxProviderPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let begun = boxes::begin_upload(&dataset, &account, &name, &place, false).await?;
    let (_, upload) = begun;
    let reply = HcpUploadReply {
        url: origin.at(&upload_path(upload)),
        direct: None,
    };
    Ok(Json(reply).into_response())
}

/// Handles `GET …/architecture/:architecture/direct/upload`. The file is visible only after its completion.
// Contract: boxes-hcp.upload-direct
pub(crate) async fn begin_direct(
    dataset: Dataset,
    origin: Origin,
    site: Site,
    BoxProviderPath { name, place }: BoxProviderPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    let begun = boxes::begin_upload(&dataset, &account, &name, &place, true).await?;
    let (_, upload) = begun;
    let (registry, of, ProviderPlace { version, key }) = (name.username, name.name, place);
    let (provider, architecture) = (key.name, key.architecture.ok_or(ApiError::NotFound)?);
    let object = upload.to_string();
    let callback = format!(
        "{HCP_REGISTRY}/registry/{registry}/box/{of}/version/{version}/provider/{provider}\
         /architecture/{architecture}/direct/complete/{object}"
    );
    let reply = HcpUploadReply {
        url: origin.at(&upload_path(upload)),
        direct: Some(DirectUploadFields {
            object,
            callback: site.at(&callback),
        }),
    };
    Ok(Json(reply).into_response())
}

/// Handles `PUT …/direct/complete/:object`.
pub(crate) async fn complete(
    dataset: Dataset,
    BoxUploadPath { name, upload }: BoxUploadPath,
    Told { account, .. }: Told,
) -> Result<Response, ApiError> {
    boxes::complete_upload(&dataset, &account, &name, upload).await?;
    Ok(Json(EmptyReply {}).into_response())
}

/// Handles `GET …/architecture/:architecture/download`: tells the URL of the file. That of a file which is not for
/// everybody is signed, since clients request it without their token. A file on another server counts as
/// downloaded now, since its download is not seen here.
// Contract: boxes-hcp.download
pub(crate) async fn show(
    dataset: Dataset,
    site: Site,
    BoxProviderPath { name, place }: BoxProviderPath,
    method: Method,
    Asked(caller): Asked,
) -> Result<Response, ApiError> {
    let (provider, file) = boxes::file(&dataset, &caller, &name, &place).await?;
    let url = match file {
        BoxFile::Hosted(_) => {
            let path = download_path(&name, &place.version, &provider);
            let anybody = boxes::file(&dataset, &Caller::Anonymous, &name, &place).await;
            match anybody {
                Ok(_) => site.at(&path),
                Err(_) => site.at(&signed(&dataset, &path).await?),
            }
        }
        BoxFile::External(url) => {
            if method == Method::GET {
                boxes::count_download(&dataset, &name).await;
            }
            url
        }
    };
    Ok(Json(HcpDownloadReply::new(url, &provider)).into_response())
}

/// Returns a path with its signature.
async fn signed(dataset: &Dataset, path: &str) -> Result<String, ApiError> {
    let signature = accounts::sign(dataset, path).await?;
    let signature = signature.ok_or(ApiError::NotFound)?;
    Ok(format!("{path}?{SIGNATURE}={signature}"))
}
