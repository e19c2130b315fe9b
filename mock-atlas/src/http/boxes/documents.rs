//! Shows the documents that `vagrant box add` reads. Vagrant sends HEAD to both addresses first.

use axum::Json;
use axum::response::{IntoResponse, Response};

use crate::domain::{ArtifactName, Caller};
use crate::http::error::ApiError;
use crate::http::extract::{BoxPath, PublicReader, Site};
use crate::http::json::{BoxDocument, Reader};
use crate::service::{Dataset, boxes};

/// Handles `GET` and `HEAD /api/v2/vagrant/:username/:name`.
// Contract: boxes-add.head, boxes-add.private
pub(crate) async fn show(
    dataset: Dataset,
    PublicReader(caller): PublicReader,
    site: Site,
    BoxPath(name): BoxPath,
) -> Result<Response, ApiError> {
    document(&dataset, &caller, &name, Reader::Current, &site).await
}

/// Handles `GET` and `HEAD /:username/:name`, which Vagrant before 2.4 reads.
pub(crate) async fn show_old(
    dataset: Dataset,
    PublicReader(caller): PublicReader,
    site: Site,
    BoxPath(name): BoxPath,
) -> Result<Response, ApiError> {
    document(&dataset, &caller, &name, Reader::Old, &site).await
}

async fn document(
    dataset: &Dataset,
    caller: &Caller,
    name: &ArtifactName,
    reader: Reader,
    site: &Site,
) -> Result<Response, ApiError> {
    let found = boxes::find(dataset, caller, name).await?;
    Ok(Json(BoxDocument::new(&found, reader, site)).into_response())
}
