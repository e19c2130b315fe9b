//! Downloads the file of a published box, and verifies it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use atlas_common::gem_version::GemVersion;
use serde::Serialize;

use super::checksum::Checksum;
use super::fetch::{BoxOrigin, Fetch, Meter};
use super::model::{BoxRecord, FileRecord, VersionRecord, VersionState, label};
use super::service::BoxService;
use crate::base::error::{Cause, Error, Phase};
use crate::base::reporter::{Event, Reporter};
use crate::base::slug::ArtifactName;

/// The file to download. What is left out is chosen as Vagrant does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxChoice {
    /// The box.
    pub name: ArtifactName,
    /// The version; `None` for the newest that was released.
    pub version: Option<String>,
    /// The provider; `None` for the only one.
    pub provider: Option<String>,
    /// The architecture; `None` for the default.
    pub architecture: Option<String>,
}

/// A file that was downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DownloadedBox {
    /// Box, version, provider and architecture.
    pub name: String,
    /// The path of the file.
    #[serde(serialize_with = "crate::files::serde_path::one::serialize")]
    pub file: PathBuf,
    /// The size in bytes.
    pub bytes: u64,
    /// The checksum of the bytes that arrived.
    #[serde(flatten)]
    pub checksum: Checksum,
    /// Whether the service had a checksum to compare with.
    pub verified: bool,
}

/// Downloads a file to a path, which is replaced in one step once the file is verified. Without a path, the file gets
/// the name `OWNER-NAME-VERSION-PROVIDER-ARCHITECTURE.box` in the current folder, and no file is overwritten.
///
/// # Errors
/// [`Phase::ReadBox`] for a box that cannot be read, [`Phase::Fetch`] for a file that is not there, cannot be fetched,
/// or differs from its checksum.
pub async fn download(
    service: &BoxService,
    choice: &BoxChoice,
    path: Option<PathBuf>,
    reporter: Arc<dyn Reporter>,
) -> Result<DownloadedBox, Error> {
    let FoundFile {
        record,
        version,
        file,
    } = find(service, choice).await?;
    let name = label(&record.tag(), &version, &file);
    let failed = |cause| Error::new(Phase::Fetch { name: name.clone() }, cause);
    let shown = path.clone();
    let path = match path {
        Some(path) => replaceable(path),
        None => free_path(&name),
    };
    let path = path.map_err(failed)?;
    let verified = file.checksum.is_some();
    reporter.report(Event::Downloading { slug: &name });
    let origin = BoxOrigin {
        source: &service.source,
        record: &record,
        version: &version,
        file: &file,
    };
    let fetch = Fetch {
        origin: &origin,
        path: &path,
        meter: &Meter::new(file.size, reporter),
    };
    let fetched = fetch.run().await.map_err(failed)?;
    Ok(DownloadedBox {
        name,
        file: shown.unwrap_or(path),
        bytes: fetched.bytes,
        checksum: fetched.checksum,
        verified,
    })
}

/// A file of a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// The box.
    pub record: BoxRecord,
    /// The version.
    pub version: String,
    /// The file, with its checksum if the service has one.
    pub file: FileRecord,
}

/// Finds a file without downloading it.
///
/// # Errors
/// [`Phase::ReadBox`] for a box that cannot be read, [`Phase::Fetch`] for a file that is not there.
pub async fn find(service: &BoxService, choice: &BoxChoice) -> Result<FoundFile, Error> {
    let record = service.read(&choice.name).await?;
    let failed = |name: String, cause| Error::new(Phase::Fetch { name }, cause);
    let (version, file) =
        choose(&record, choice).map_err(|cause| failed(choice.name.to_string(), cause))?;
    let (version, file) = (version.version.clone(), file.clone());
    let checksum = service.source.checksum(&record, &version, &file).await;
    let name = label(&record.tag(), &version, &file);
    let checksum = checksum.map_err(|cause| failed(name, cause))?;
    Ok(FoundFile {
        file: FileRecord { checksum, ..file },
        version,
        record,
    })
}

/// Chooses a file of a box.
fn choose<'a>(
    record: &'a BoxRecord,
    choice: &BoxChoice,
) -> Result<(&'a VersionRecord, &'a FileRecord), Cause> {
    let versions = record.versions.iter();
    let version = match &choice.version {
        Some(number) => versions
            .into_iter()
            .find(|version| version.version == *number),
        None => versions
            .filter(|version| version.state == VersionState::Active)
            .max_by_key(|version| GemVersion::of(&version.version)),
    };
    let version = version.ok_or_else(|| {
        Cause::Missing(match &choice.version {
            Some(number) => format!("the box has no version {number}"),
            None => "the box has no version that was released; name one that was not".to_owned(),
        })
    })?;
    let wanted = |told: &Option<String>, own: &str| told.as_ref().is_none_or(|told| told == own);
    let files = version.providers.iter();
    let files: Vec<_> = files
        .filter(|file| wanted(&choice.provider, &file.provider))
        .filter(|file| match &choice.architecture {
            Some(told) => *told == file.architecture,
            None => file.default_architecture,
        })
        .collect();
    match files[..] {
        [file] => Ok((version, file)),
        [] => Err(Cause::Missing(format!(
            "version {} has no such file, only: {}",
            version.version,
            listed(version.providers.iter())
        ))),
        _ => Err(Cause::Usage(format!(
            "version {} has files for several providers; choose one with --provider: {}",
            version.version,
            listed(files.into_iter())
        ))),
    }
}

fn listed<'a>(files: impl Iterator<Item = &'a FileRecord>) -> String {
    let names = files.map(|file| format!("{}/{}", file.provider, file.architecture));
    let names: Vec<_> = names.collect();
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}

/// Returns the path of a file that may be replaced: a link's target, not the link.
///
/// # Errors
/// Fails if something other than a file is there: renaming a file over a device would remove it for everybody.
fn replaceable(given: PathBuf) -> Result<PathBuf, Cause> {
    let path = given.canonicalize().unwrap_or(given);
    let refused = |kind, reason| Err(Cause::file(&path, io::Error::new(kind, reason)));
    match path.metadata() {
        Ok(found) if found.is_dir() => refused(io::ErrorKind::IsADirectory, "is a folder"),
        Ok(found) if !found.is_file() => {
            let reason = "is not a regular file, in which a download that broke off could continue";
            refused(io::ErrorKind::InvalidInput, reason)
        }
        _ => Ok(path),
    }
}

/// Returns a path in the current folder for a file with this label.
///
/// # Errors
/// Fails if a file is there already.
fn free_path(label: &str) -> Result<PathBuf, Cause> {
    let name = label.replace(['/', ' ', '\\'], "-");
    let path = PathBuf::from(format!("{name}.box"));
    if path.symlink_metadata().is_ok() {
        let reason = "exists already, and is not overwritten unless it is named with -o";
        let error = io::Error::new(io::ErrorKind::AlreadyExists, reason);
        return Err(Cause::file(&path, error));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::{file, record, version};
    use super::*;

    fn chosen(
        record: &BoxRecord,
        number: Option<&str>,
        provider: Option<&str>,
        architecture: Option<&str>,
    ) -> String {
        let choice = BoxChoice {
            name: "acme/web".parse().unwrap(),
            version: number.map(str::to_owned),
            provider: provider.map(str::to_owned),
            architecture: architecture.map(str::to_owned),
        };
        match choose(record, &choice) {
            Ok((version, file)) => label("", &version.version, file).trim().to_owned(),
            Err(cause) => cause.to_string(),
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_a_file_is_replaced_and_a_link_leads_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let path = |name: &str| root.join(name);
        std::fs::write(path("file"), "old").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        std::os::unix::fs::symlink("socket", path("to-socket")).unwrap();
        for (given, expected) in [("file", "file"), ("link", "file"), ("new", "new")] {
            assert_eq!(replaceable(path(given)).unwrap(), path(expected));
        }
        for (given, reason) in [
            ("socket", "is not a regular file"),
            ("to-socket", "is not a regular file"),
            (".", "is a folder"),
        ] {
            let refused = replaceable(path(given)).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn the_newest_released_version_and_the_default_architecture_are_chosen() {
        let default = |provider: &str, architecture: &str| FileRecord {
            default_architecture: true,
            ..file(provider, architecture)
        };
        let mut unreleased = version("2.0", vec![default("libvirt", "amd64")]);
        unreleased.state = VersionState::Unreleased;
        let several = vec![
            file("virtualbox", "amd64"),
            default("virtualbox", "arm64"),
            default("libvirt", "amd64"),
        ];
        let record = record(vec![
            version("1.9", vec![default("libvirt", "amd64")]),
            version("1.10", several),
            unreleased,
        ]);
        let of = |provider, architecture| chosen(&record, None, provider, architecture);
        assert_eq!(of(Some("virtualbox"), None), "1.10 virtualbox/arm64");
        assert_eq!(
            of(Some("virtualbox"), Some("amd64")),
            "1.10 virtualbox/amd64"
        );
        assert_eq!(
            chosen(&record, Some("2.0"), None, None),
            "2.0 libvirt/amd64"
        );
        assert_eq!(
            chosen(&record, Some("1.9"), None, None),
            "1.9 libvirt/amd64"
        );
        let refused = of(None, None);
        assert!(
            refused.contains("--provider: virtualbox/arm64, libvirt/amd64"),
            "{refused}"
        );
        let refused = of(Some("qemu"), None);
        assert!(refused.contains("only: virtualbox/amd64, "), "{refused}");
        let refused = chosen(&record, Some("3.0"), None, None);
        assert!(refused.contains("no version 3.0"), "{refused}");
    }
}
