//! Sends the file of a version to somebody who is signed in.

use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::domain::FileSelector;
use crate::http::api_v1::download::reply;
use crate::http::error::ApiError;
use crate::http::extract::{FileRequest, VersionPath, whole_number};
use crate::http::web::page::PageError;
use crate::http::web::visitor::Visitor;
use crate::service::{Dataset, files};

/// Handles `GET /_mock/pages/files/:username/:name/:type/:version`. The browser keeps the file, and shows nothing of it.
pub(crate) async fn send(
    dataset: Dataset,
    visitor: Visitor,
    path: Result<VersionPath, ApiError>,
    mut request: FileRequest,
) -> Result<Response, PageError> {
    let VersionPath {
        artifact,
        artifact_type,
        version,
    } = path.map_err(visitor.failed())?;
    let number = whole_number(&version).unwrap_or(0);
    let selector = FileSelector::Number(number);
    let blob = files::open(
        &dataset,
        &visitor.caller,
        &artifact,
        &artifact_type,
        selector,
    )
    .await;
    let blob = visitor.page(blob)?;
    // A store would not say that the browser is to keep the file.
    request.may_redirect = false;
    let mut response = reply(&blob, &request).await.map_err(visitor.failed())?;
    let name = format!(
        "attachment; filename=\"{}-{}-{number}\"",
        artifact.name.as_str(),
        artifact_type.as_str()
    );
    let headers = response.headers_mut();
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    let private = HeaderValue::from_static("private, no-cache");
    headers.insert(header::CACHE_CONTROL, private);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    Ok(response)
}
