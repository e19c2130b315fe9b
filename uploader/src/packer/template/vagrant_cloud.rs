//! Reads the settings of a `vagrant-cloud` post-processor, which publishes a box.
//!
//! Evidence: the documentation of the post-processor in Packer 1.2 to 1.6 and in packer-plugin-vagrant 1.1.7, and the
//! requests that these send.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::packer_functions::Context;
use super::settings::{Reading, Settings};
use super::weak_decode;
use crate::api::atlas_url::AtlasUrl;
use crate::base::secret::{Redactor, Token};
use crate::base::slug::ArtifactName;
use crate::boxes::service::Api;
use crate::boxes::{Checksum, ChecksumKind, is_gem_version};

/// The type of the post-processor.
pub(super) const TYPE: &str = "vagrant-cloud";

const KEYS: [&str; 12] = [
    "access_token",
    "architecture",
    "box_checksum",
    "box_download_url",
    "box_tag",
    "default_architecture",
    "insecure_skip_tls_verify",
    "no_direct_upload",
    "no_release",
    "vagrant_cloud_url",
    "version",
    "version_description",
];

/// The publication that the settings ask for, for one build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxRequest {
    /// The box (`box_tag`).
    pub name: ArtifactName,
    /// The version.
    pub version: String,
    /// The description of the version.
    pub version_description: Option<String>,
    /// The architecture; `None` for that in the box's own metadata.
    pub architecture: Option<String>,
    /// Whether the file is for hosts of an unknown architecture. It is told only if `default_architecture` is the
    /// architecture itself.
    pub default_architecture: Option<bool>,
    /// The address at which the owner hosts the file (`box_download_url`).
    pub url: Option<String>,
    /// The checksum (`box_checksum`, such as `sha256:…`).
    pub checksum: Option<Checksum>,
    /// Whether the version is released (not `no_release`).
    pub release: bool,
    /// Whether the bytes go to the service's store (not `no_direct_upload`).
    pub direct: bool,
    /// The token from the settings (`access_token`).
    pub token: Option<Token>,
    /// The address from the settings (`vagrant_cloud_url`).
    pub address: Option<AtlasUrl>,
    /// The API that this address names.
    pub api: Option<Api>,
    /// Whether any server is trusted (`insecure_skip_tls_verify`).
    pub insecure: bool,
}

pub(super) fn settings(settings: Map<String, Value>) -> Settings {
    Settings::of_keys(settings, &KEYS)
}

/// Returns the request for one build, or all mistakes in the settings, as
/// [`Settings::request`](super::settings::Settings::request) does. `artifact` is the id of the artifact to publish, which
/// a `box_download_url` may refer to.
pub(super) fn request(
    settings: &Settings,
    context: &Context<'_>,
    artifact: Option<&str>,
    redactor: &Redactor,
    warnings: &mut BTreeSet<String>,
) -> Result<BoxRequest, Vec<String>> {
    let mut reading = Reading::new(settings, context, warnings);
    let token = reading.text("access_token");
    redactor.add(token.as_deref().unwrap_or_default());
    let (tag, version) = (reading.text("box_tag"), reading.text("version"));
    for (key, value) in [("box_tag", &tag), ("version", &version)] {
        if value.as_deref() == Some("") {
            reading.wrong.push(format!("{key} must be set"));
        }
    }
    let is_odd = |version: &&String| !version.is_empty() && !is_gem_version(version);
    if let Some(odd) = version.as_ref().filter(is_odd) {
        let reason = format!("{odd:?} is not a version that Vagrant can parse, such as 1.2.0");
        reading.refuse("version", &reason);
    }
    let name = reading.parsed("box_tag", tag);
    let address = reading.text("vagrant_cloud_url");
    let api = address.as_deref().and_then(api);
    let address = reading.parsed("vagrant_cloud_url", address);
    let checksum = reading.text("box_checksum");
    let checksum = checksum.and_then(|text| reading_checksum(&mut reading, &text));
    let default = reading.text("default_architecture").and_then(told);
    let architecture = reading.text("architecture").and_then(told);
    let version_description = reading.text("version_description").and_then(told);
    let url = download_url(&mut reading, settings, artifact);
    let release = !reading.truth("no_release");
    let direct = !reading.truth("no_direct_upload");
    let insecure = reading.truth("insecure_skip_tls_verify");
    let token = reading.token("access_token", token);
    match (name, version) {
        (Some(name), Some(version)) if reading.is_well() => Ok(BoxRequest {
            name,
            version,
            version_description,
            default_architecture: default
                .filter(|default| architecture.as_ref() == Some(default))
                .map(|_| true),
            architecture,
            url,
            checksum,
            release,
            direct,
            token,
            address,
            api,
            insecure,
        }),
        _ => Err(reading.wrong),
    }
}

fn told(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Returns the API whose path ends an address.
fn api(address: &str) -> Option<Api> {
    let path = address.trim_end_matches('/');
    [(Api::V1, "/api/v1"), (Api::V2, "/api/v2")]
        .into_iter()
        .find_map(|(api, end)| path.ends_with(end).then_some(api))
}

/// Reads a checksum such as `sha256:…`; `none` says that there is none.
fn reading_checksum(reading: &mut Reading<'_>, text: &str) -> Option<Checksum> {
    if text.is_empty() || text.eq_ignore_ascii_case("none") {
        return None;
    }
    let (kind, digits) = text.split_once(':').unwrap_or(("", text));
    let checksum = match ChecksumKind::parse(kind) {
        Some(kind) => Checksum::told(kind, digits),
        None => {
            Err("a checksum is like sha256:…, with md5, sha1, sha256, sha384 or sha512".to_owned())
        }
    };
    checksum
        .map_err(|reason| reading.refuse("box_checksum", &reason))
        .ok()
}

/// Reads the address of a file, in which `{{.ArtifactId}}` and `{{.Provider}}` are the id of the artifact: that of a box
/// is the name of its provider.
fn download_url(
    reading: &mut Reading<'_>,
    settings: &Settings,
    artifact: Option<&str>,
) -> Option<String> {
    const KEY: &str = "box_download_url";
    let text = settings
        .get(KEY)
        .map_or(Ok(String::new()), weak_decode::text);
    match text {
        Ok(text) => {
            let text = with_fields(&text, artifact.unwrap_or_default());
            reading.rendered(KEY, &text).and_then(told)
        }
        Err(reason) => {
            reading.refuse(KEY, &reason);
            None
        }
    }
}

/// Replaces the fields of an artifact in a text.
fn with_fields(text: &str, artifact: &str) -> String {
    let mut parts = text.split("{{");
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once("}}") {
            Some((field, rest)) if matches!(field.trim(), ".ArtifactId" | ".Provider") => {
                replaced += artifact;
                replaced += rest;
            }
            _ => {
                replaced += "{{";
                replaced += part;
            }
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_the_artifact_are_replaced_and_other_actions_are_kept() {
        let text = "https://files.test/{{ .Provider }}/{{user `v`}}/{{.ArtifactId}}.box";
        let replaced = with_fields(text, "libvirt");
        assert_eq!(
            replaced,
            "https://files.test/libvirt/{{user `v`}}/libvirt.box"
        );
        for text in ["", "plain", "{{", "{{.Other}}", "a }} b"] {
            assert_eq!(with_fields(text, "x"), text);
        }
    }

    #[test]
    fn the_address_may_name_the_api() {
        assert_eq!(api("http://x.test/api/v1/"), Some(Api::V1));
        assert_eq!(api("http://x.test/pre/api/v2"), Some(Api::V2));
        assert_eq!(api("http://x.test"), None);
    }
}
