//! Imports versions and boxes as they were elsewhere, for the root token.
//!
//! The body of a request is a line of JSON, which describes the version or the box, and then the bytes of its files,
//! one directly after the other. Nothing is visible before all bytes have come and have the told digests.

use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZeroU64;

use bytes::Bytes;
use futures_util::Stream;
use serde::Deserialize;

use super::incoming::Incoming;
use super::seed::mirror::BoxRecord;
use super::uploads::Uploads;
use super::{Dataset, ServiceError};
use crate::domain::{
    ArtifactName, Checksum, Limits, Name, NewVersion, ProviderKey, ProviderPlace, Visibility,
    parse_timestamp,
};
use crate::storage::{
    Checksums, ImportedBox, ImportedBytes, ImportedFile, ImportedVersion, Presence,
};

/// The result of an import, or of a comparison.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) presence: Presence,
    /// Whether it was only compared.
    pub(crate) is_plan: bool,
}

/// The description of a version.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionLine {
    /// Whether the version is only compared, and no bytes follow.
    plan: bool,
    private: bool,
    #[serde(default)]
    last_number: u64,
    /// Whether the box of this name is imported by itself.
    #[serde(default)]
    has_own_box: bool,
    #[serde(default)]
    id: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    build: Option<NonZeroU64>,
    /// The time of creation, as RFC 3339.
    created_at: Option<String>,
    file: Option<VersionFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionFile {
    size: u64,
    /// The BLAKE3 digest, as hexadecimal digits.
    blake3: String,
}

/// The description of a box, with at most one version.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BoxLine {
    /// Whether the box is only compared, and no bytes follow.
    plan: bool,
    /// The box, as `mirror.json` describes it.
    #[serde(rename = "box")]
    record: BoxRecord,
    /// The files of the providers that have one, in their order.
    files: Vec<BoxFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BoxFile {
    size: u64,
    /// The SHA-256, as hexadecimal digits.
    sha256: String,
    /// The version of the type `vagrant.box` that has the bytes, which do not follow then.
    number: Option<u64>,
}

/// Imports a version of an artifact, or compares it with the one of its number.
///
/// # Errors
/// When the description has a mistake, the file exceeds a limit or differs from its digest, and when the body breaks
/// off. Nothing is added then.
pub(crate) async fn version<S, E>(
    dataset: &Dataset,
    (uploads, limits): (&Uploads, Limits),
    (artifact, artifact_type, number): (ArtifactName, Name, u64),
    mut body: Incoming<S>,
) -> Result<Imported, ServiceError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let line: VersionLine = body.line().await?;
    let is_plan = line.plan;
    let file = line.file.as_ref().map(|file| file.size);
    let imported = line.imported(artifact, artifact_type, number)?;
    limits.check_id(&imported.new.id)?;
    Limits::check_keys(imported.new.metadata.sent_keys())?;
    limits.check_file(file.unwrap_or_default())?;
    let catalog = dataset.catalog();
    let presence = catalog.compare_version(imported.clone()).await?;
    if is_plan || presence != Presence::Missing {
        return Ok(Imported { presence, is_plan });
    }
    let blob = match file {
        None => None,
        Some(size) => {
            let owner = &imported.artifact.username;
            catalog.check_quota(owner, size).await?;
            let checksums = Checksums::of_type(&imported.artifact_type);
            let written = uploads.collect(dataset, body.file(size), (size, checksums));
            let written = written.await?;
            let digest = written.blob.digest().to_string();
            if Some(&digest) != imported.digest.as_ref() {
                return Err(other_bytes(&digest));
            }
            Some(written.blob)
        }
    };
    let presence = catalog.import_version(imported, blob).await?;
    Ok(Imported { presence, is_plan })
}

/// Imports a box with at most one version, or compares it with the box that is there.
///
/// # Errors
/// The errors of [`version`].
pub(crate) async fn vagrant_box<S, E>(
    dataset: &Dataset,
    (uploads, limits): (&Uploads, Limits),
    name: &ArtifactName,
    mut body: Incoming<S>,
) -> Result<Imported, ServiceError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let line: BoxLine = body.line().await?;
    let is_plan = line.plan;
    let mut imported = line.imported(name, limits)?;
    let catalog = dataset.catalog();
    let presence = catalog.compare_box(imported.clone()).await?;
    if is_plan || presence != Presence::Missing {
        return Ok(Imported { presence, is_plan });
    }
    let told: Vec<Option<Checksum>> = line.told_checksums()?;
    catalog
        .check_quota(&name.username, imported.unsent_bytes())
        .await?;
    for (file, told) in imported.files.iter_mut().zip(told) {
        if matches!(file.bytes, ImportedBytes::OfVersion(_)) {
            continue;
        }
        let checksums = Checksums {
            sha256: true,
            told: told.as_ref().map(Checksum::kind),
        };
        let bytes = body.file(file.len);
        let written = uploads.collect(dataset, bytes, (file.len, checksums));
        let written = written.await?;
        let sha256 = written.blob.sha256().map(|digest| digest.to_string());
        if sha256.as_ref() != Some(&file.sha256) {
            return Err(other_bytes(&sha256.unwrap_or_default()));
        }
        if let Some(computed) = written
            .told
            .filter(|computed| Some(computed) != told.as_ref())
        {
            return Err(other_bytes(&computed.to_string()));
        }
        file.bytes = ImportedBytes::Sent(written.blob);
    }
    let presence = catalog.import_box(imported).await?;
    Ok(Imported { presence, is_plan })
}

fn other_bytes(digest: &str) -> ServiceError {
    let reason = format!("the bytes are not those that are described: they have {digest}");
    ServiceError::Import(reason)
}

impl VersionLine {
    fn imported(
        self,
        artifact: ArtifactName,
        artifact_type: Name,
        number: u64,
    ) -> Result<ImportedVersion, ServiceError> {
        let created = match &self.created_at {
            None => None,
            Some(text) => Some(parse_timestamp(text).ok_or_else(|| {
                ServiceError::Import(format!("created_at {text:?} is no time of RFC 3339"))
            })?),
        };
        Ok(ImportedVersion {
            artifact,
            visibility: match self.private {
                true => Visibility::Private,
                false => Visibility::Public,
            },
            artifact_type,
            number,
            last_number: self.last_number,
            created,
            digest: self
                .file
                .as_ref()
                .map(|file| format!("blake3-{}", file.blake3)),
            has_own_box: self.has_own_box,
            new: NewVersion {
                id: self.id.into(),
                metadata: self.metadata.into_iter().collect(),
                build: self.build,
                file: self.file.is_some(),
            },
        })
    }
}

impl BoxLine {
    fn imported(&self, name: &ArtifactName, limits: Limits) -> Result<ImportedBox, ServiceError> {
        let wrong = |reason: &dyn std::fmt::Display| ServiceError::Import(reason.to_string());
        let seeded = self.record.described().map_err(|error| wrong(&error))?;
        if seeded.name != *name {
            return Err(wrong(&format!(
                "the description is of the box {}",
                seeded.name
            )));
        }
        if seeded.versions.len() > 1 {
            return Err(wrong(&"the description has more than one version"));
        }
        let version = seeded.versions.first().zip(self.record.versions.first());
        let mut places = Vec::new();
        if let Some((version, record)) = version {
            let providers = version.providers.iter().zip(&record.providers);
            let with_file = providers.filter(|(_, record)| record.has_file());
            places.extend(with_file.map(|(provider, _)| {
                let key = ProviderKey {
                    name: provider.name.clone(),
                    architecture: Some(provider.architecture.clone()),
                };
                let version = version.number.clone();
                (ProviderPlace { version, key }, provider.times)
            }));
        }
        if places.len() != self.files.len() {
            return Err(wrong(
                &"there is not one file for each provider with a path",
            ));
        }
        let mut files = Vec::new();
        for ((place, times), file) in places.into_iter().zip(&self.files) {
            limits.check_file(file.size)?;
            files.push(ImportedFile {
                place,
                len: file.size,
                sha256: file.sha256.clone(),
                updated: times.updated.or(times.created),
                bytes: match file.number {
                    Some(number) => ImportedBytes::OfVersion(number),
                    None => ImportedBytes::Unsent,
                },
            });
        }
        Ok(ImportedBox { seeded, files })
    }

    /// Returns the checksums that the source told of the files, in their order.
    fn told_checksums(&self) -> Result<Vec<Option<Checksum>>, ServiceError> {
        let versions = self.record.versions.iter();
        let providers = versions.flat_map(|version| &version.providers);
        let with_file = providers.filter(|provider| provider.has_file());
        let told = with_file.map(|provider| provider.checksum().map_err(ServiceError::Import));
        told.collect()
    }
}
