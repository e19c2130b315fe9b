//! Lists everything that a dataset holds but its accounts, as lines of JSON: an `artifact`, its types, each a `type`
//! followed by its `version`s, and its `box`.

use std::collections::BTreeMap;
use std::iter;

use serde_json::{Value, json};

use super::{Dataset, ServiceError};
use crate::domain::{
    ArtifactName, BoxNumber, BoxProvider, BoxSource, BoxVersion, VagrantBox, exact_timestamp,
};
use crate::storage::{ArtifactRecord, Blob, FileRecord, VersionRecord};

/// Returns the lines, which describe the dataset at one moment. Versions that await their files are left out.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn lines(
    dataset: &Dataset,
) -> Result<impl Iterator<Item = String> + Send + use<>, ServiceError> {
    let contents = dataset.catalog().export().await?;
    let files = contents.files;
    let artifacts = contents.artifacts.into_iter();
    let artifacts = artifacts.filter(|artifact| !artifact.deleted);
    Ok(artifacts.flat_map(move |artifact| {
        let size = |digest: &str| files.get(digest).map_or(0, Blob::len);
        let lines: Vec<String> = of_artifact(&artifact, &size).map(line).collect();
        lines
    }))
}

fn line(value: Value) -> String {
    format!("{value}\n")
}

fn of_artifact<'a>(
    artifact: &'a ArtifactRecord,
    size: &'a impl Fn(&str) -> u64,
) -> impl Iterator<Item = Value> + 'a {
    let ArtifactName { username, name } = &artifact.name;
    let first = json!({"artifact": {
        "owner": username.as_str(), "name": name.as_str(), "private": !artifact.public,
    }});
    let types = artifact.types.iter().flat_map(move |of_type| {
        let name = of_type.artifact_type.as_str();
        let mut first = json!({"type": {"type": name, "last_number": of_type.last}});
        if !of_type.channels.is_empty() {
            let channels = of_type.channels.iter();
            let versions = channels.map(|(name, channel)| (name.as_str(), channel.version()));
            first["type"]["channels"] = json!(versions.collect::<BTreeMap<_, _>>());
        }
        let versions = of_type.versions.iter();
        let versions = versions.filter_map(|version| of_version(version, size));
        iter::once(first).chain(versions)
    });
    let vagrant_box = artifact.vagrant_box.as_ref().map(of_box);
    iter::once(first).chain(types).chain(vagrant_box)
}

fn of_version(version: &VersionRecord, size: &impl Fn(&str) -> u64) -> Option<Value> {
    let file = match &version.file {
        FileRecord::None => None,
        FileRecord::Awaited => return None,
        FileRecord::Stored(digest) => {
            let blake3 = digest.strip_prefix("blake3-").unwrap_or(digest);
            Some(json!({"size": size(digest), "blake3": blake3}))
        }
    };
    Some(json!({"version": {
        "number": version.number, "id": version.id, "metadata": version.metadata,
        "build": version.build, "created_at": exact_timestamp(version.created),
        "has_file": file.is_some(), "file": file,
    }}))
}

/// Describes a box as `mirror.json` does; each provider with a file has the `number` of the version that has it.
fn of_box(vagrant_box: &VagrantBox) -> Value {
    let versions = vagrant_box.versions();
    let versions: Vec<Value> = versions
        .map(|(number, version)| of_box_version(number, version))
        .collect();
    json!({"box": {
        "short_description": vagrant_box.short_description,
        "description": vagrant_box.description,
        "created_at": exact_timestamp(vagrant_box.created),
        "updated_at": exact_timestamp(vagrant_box.updated),
        "versions": versions,
    }})
}

fn of_box_version(number: &BoxNumber, version: &BoxVersion) -> Value {
    let providers: Vec<Value> = version.providers().iter().map(of_provider).collect();
    json!({
        "version": number.as_str(), "state": version.status.name(),
        "description": version.description, "created_at": exact_timestamp(version.created),
        "updated_at": exact_timestamp(version.updated), "providers": providers,
    })
}

fn of_provider(provider: &BoxProvider) -> Value {
    let hosted = provider.hosted();
    let url = match &provider.source {
        BoxSource::External(url) => Some(url),
        BoxSource::Hosted(_) | BoxSource::Awaited => None,
    };
    let checksum = provider.shown_checksum();
    json!({
        "provider": provider.name.as_str(), "architecture": provider.architecture.as_str(),
        "default_architecture": provider.is_default, "hosted": url.is_none(), "url": url,
        "link": url.is_some(), "number": hosted.map(|file| file.number),
        "size": hosted.map(|file| file.len), "sha256": hosted.map(|file| &file.sha256),
        "checksum_type": checksum.map(|(kind, _)| kind),
        "checksum": checksum.map(|(_, value)| value),
        "checksum_computed": provider.checksum.is_none(),
        "created_at": exact_timestamp(provider.created),
        "updated_at": exact_timestamp(provider.updated),
    })
}
