//! Finds the file of a Vagrant box: the data source `atlas_box`.

use std::sync::Arc;

use super::super::atlas::{Atlas, Known};
use super::super::object::Object;
use super::super::problem::Problem;
use super::super::schema::{Attribute, Kind, Schema};
use super::super::value::Value;
use super::artifact;
use crate::api::ClientOptions;
use crate::base::error::Error;
use crate::base::reporter::Silent;
use crate::boxes::credentials::Credentials;
use crate::boxes::download::{BoxChoice, find};
use crate::boxes::registry::RegistryOptions;
use crate::boxes::service::BoxService;

/// The attributes of the data source.
pub(super) const SCHEMA: Schema = Schema {
    description: "The file of a Vagrant box, of its newest version that was released unless one is given.",
    attributes: &[
        Attribute::required("name", "USER/NAME of the box."),
        Attribute::optional(
            "version",
            Kind::Text,
            "The version; the newest that was released unless given.",
        ),
        Attribute::optional(
            "box_provider",
            Kind::Text,
            "The provider, such as virtualbox; the only one unless given.",
        ),
        Attribute::optional(
            "architecture",
            Kind::Text,
            "The architecture; the provider's default unless given.",
        ),
        Attribute::computed("id", Kind::Text, "USER/NAME VERSION PROVIDER/ARCHITECTURE."),
        Attribute::computed("version_real", Kind::Text, "The version."),
        Attribute::computed("box_provider_real", Kind::Text, "The provider."),
        Attribute::computed("architecture_real", Kind::Text, "The architecture."),
        Attribute::computed(
            "url",
            Kind::Text,
            "The address of the file; empty if the server tells none.",
        ),
        Attribute::computed(
            "checksum",
            Kind::Text,
            "The checksum of the file; empty if the server has none.",
        ),
        Attribute::computed(
            "checksum_type",
            Kind::Text,
            "The checksum's algorithm, such as sha256.",
        ),
    ],
};

/// Checks the name.
pub(super) fn validate(config: &Object) -> Vec<Problem> {
    match config.get("name") {
        Value::Text(_) => artifact::artifact_name(config).err().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Finds the file.
pub(super) async fn read(atlas: &Atlas, mut config: Object) -> Result<Object, Problem> {
    let name = artifact::artifact_name(&config)?;
    let owned = |attribute| config.text(attribute).map(str::to_owned);
    let choice = BoxChoice {
        version: owned("version"),
        provider: owned("box_provider"),
        architecture: owned("architecture"),
        name,
    };
    let failed = |error: Error| match error.cause().request() {
        Some(_) => atlas.problem(&format!("Error reading the box '{}'", choice.name), &error),
        None => Problem::new(error.cause().to_string()).at("name"),
    };
    let service = connect(atlas, &choice).await?.map_err(failed)?;
    let found = find(&service, &choice).await.map_err(failed)?;
    let (file, version) = (&found.file, &found.version);
    let label = crate::boxes::model::label(&found.record.tag(), version, file);
    config.set("id", label);
    config.set("version_real", version.as_str());
    config.set("box_provider_real", file.provider.as_str());
    config.set("architecture_real", file.architecture.as_str());
    config.set("url", file.url.as_deref().unwrap_or_default());
    let checksum = file.checksum.as_ref();
    config.set("checksum", checksum.map_or("", |checksum| &checksum.value));
    config.set(
        "checksum_type",
        checksum.map_or("", |checksum| checksum.kind.name()),
    );
    Ok(config)
}

/// Connects to the API of boxes of the same server, with the same token.
async fn connect(atlas: &Atlas, choice: &BoxChoice) -> Result<Result<BoxService, Error>, Problem> {
    let Known {
        config, redactor, ..
    } = atlas.known()?;
    let address = &config.atlas_url.value;
    let defaults = ClientOptions::new(address.clone());
    let credentials = Credentials::default();
    let options = RegistryOptions {
        trust: config.trust(),
        retry: defaults.retry,
        timeout: defaults.api_timeout,
        credentials: match &config.token {
            Some(token) => credentials.with_token(&token.value),
            None => credentials,
        },
        allow_http_upload: config.allow_http_upload.value,
        redactor: redactor.clone(),
        reporter: Arc::new(Silent),
    };
    Ok(BoxService::connect(options, &address.root(), None, Some(&choice.name)).await)
}
