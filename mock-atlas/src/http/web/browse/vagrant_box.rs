//! The box of an artifact, its versions and providers, and their release and revocation.

use axum::response::Response;

use super::artifact::{Request, is_public};
use super::{file_link, lines};
use crate::domain::{
    ArtifactName, BOX_TYPE, BoxNumber, BoxProvider, BoxSource, BoxStatus, BoxVersion, Caller, Name,
    timestamp,
};
use crate::http::error::ApiError;
use crate::http::extract::ArtifactPath;
use crate::http::web::form::Form;
use crate::http::web::page::PageError;
use crate::http::web::shown::{Shown, size};
use crate::service::{Dataset, ServiceError, boxes};
use crate::storage::StorageError;

/// The greatest number of versions of a box on a page.
const VERSIONS: usize = 20;

/// A box as pages show it.
pub(super) struct BoxView {
    pub(super) short_description: Shown,
    pub(super) description: Shown,
    pub(super) downloads: u64,
    /// The command that adds the box.
    pub(super) add: String,
    pub(super) versions: Vec<BoxVersionView>,
    pub(super) next: Option<String>,
}

pub(super) struct BoxVersionView {
    pub(super) number: String,
    pub(super) status: &'static str,
    pub(super) can_change: bool,
    pub(super) can_revoke: bool,
    pub(super) updated: String,
    pub(super) description: Shown,
    pub(super) providers: Vec<ProviderView>,
    pub(super) add: String,
}

pub(super) struct ProviderView {
    pub(super) name: String,
    pub(super) architecture: String,
    pub(super) is_default: bool,
    pub(super) link: Option<String>,
    /// The size of the file, or what there is instead of one.
    pub(super) file: Shown,
    pub(super) checksum: Shown,
}

/// Returns the box of an artifact; `None` if it has none, or its registry is not active.
pub(super) async fn view(request: &Request<'_>) -> Result<Option<BoxView>, PageError> {
    let Request {
        dataset,
        visitor,
        site,
        name,
        found,
        query,
    } = *request;
    let found_box = match boxes::find(dataset, &visitor.caller, name).await {
        Err(ServiceError::Storage(StorageError::NotFound)) => return Ok(None),
        found => visitor.page(found)?,
    };
    let of = &found_box.vagrant_box;
    let page: usize = query
        .given("box_page")
        .and_then(|page| page.parse().ok())
        .unwrap_or(0);
    let skipped = page.saturating_mul(VERSIONS);
    let all = of.versions().count();
    let is_public = is_public(found);
    let mut newest: Vec<_> = of.versions().collect();
    newest.sort_by(|a, b| b.0.cmp(a.0));
    let versions = newest.into_iter().skip(skipped).take(VERSIONS);
    let versions = versions.map(|(number, version)| {
        let add = lines::add_box(site, name, Some(number.as_str()), is_public);
        version_view(name, (number, version), add)
    });
    Ok(Some(BoxView {
        short_description: Shown::new(&of.short_description),
        description: Shown::new(&of.description),
        downloads: of.downloads,
        add: lines::add_box(site, name, None, is_public),
        versions: versions.collect(),
        next: (skipped.saturating_add(VERSIONS) < all)
            .then(|| format!("/{name}?box_page={}#box", page + 1)),
    }))
}

fn version_view(
    name: &ArtifactName,
    (number, version): (&BoxNumber, &BoxVersion),
    add: String,
) -> BoxVersionView {
    let providers = version.providers().iter();
    BoxVersionView {
        number: number.as_str().to_owned(),
        status: version.status.name(),
        can_change: !version.providers().is_empty(),
        can_revoke: version.status == BoxStatus::Active,
        updated: timestamp(version.updated),
        description: Shown::new(&version.description),
        providers: providers
            .map(|provider| provider_view(name, provider))
            .collect(),
        add,
    }
}

fn provider_view(name: &ArtifactName, provider: &BoxProvider) -> ProviderView {
    let file = match &provider.source {
        BoxSource::Hosted(file) => size(file.len),
        BoxSource::External(url) => url.to_string(),
        BoxSource::Awaited => "awaited".to_owned(),
    };
    let of = Name::constant(BOX_TYPE);
    let hosted = provider.hosted();
    let checksum = provider.shown_checksum();
    let checksum = checksum.map(|(kind, value)| format!("{kind} {value}"));
    ProviderView {
        name: provider.name.as_str().to_owned(),
        architecture: provider.architecture.as_str().to_owned(),
        is_default: provider.is_default,
        link: hosted.map(|file| file_link(name, &of, file.number)),
        file: Shown::new(&file),
        checksum: Shown::new(&checksum.unwrap_or_default()),
    }
}

/// Handles `POST /_mock/pages/boxes/:username/:name`: releases or revokes a version of a box.
pub(crate) async fn change(
    dataset: Dataset,
    name: Result<ArtifactPath, ApiError>,
    Form(visitor, fields): Form,
) -> Result<Response, PageError> {
    let ArtifactPath(name) = name.map_err(visitor.failed())?;
    let Caller::Known(account) = &visitor.caller else {
        return Err(visitor.must_sign_in(&format!("/{name}")));
    };
    let number = fields.get("version").parse::<BoxNumber>();
    let number = number.map_err(|error| ApiError::Invalid(format!("version: {error}")));
    let number = number.map_err(visitor.failed())?;
    let changed = match fields.get("action") {
        "release" => boxes::release(&dataset, account, &name, &number).await,
        "revoke" => boxes::revoke(&dataset, account, &name, &number).await,
        other => {
            let message = format!("action: {other:?} is neither release nor revoke");
            return Err(visitor.failed()(ApiError::Invalid(message)));
        }
    };
    visitor.page(changed)?;
    Ok(visitor.redirect(&format!("/{name}#box")))
}
